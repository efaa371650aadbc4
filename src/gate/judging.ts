/** Puts the judge together. Loaded while the cell is being built: its rules are most of what a gate has to load. */
import type { World } from "../guards/arguments/world.ts";
import { inspectItem } from "../guards/text/inspect.ts";
import { homeOf } from "../manifest/read.ts";
import type { Host } from "../model.ts";
import { Answers } from "./answers.ts";
import { HOST_FILES } from "./files.ts";
import { Judge } from "./judge.ts";
import type { Notes } from "./notes.ts";
import type { Pins } from "./pins.ts";
import { toolsOfOthers } from "./others.ts";
import { pinPlace, type Prepared } from "./prepare.ts";

export function makeJudge(prepared: Prepared, pins: Pins, notes: Notes, host: Host): Judge {
  const { compiled } = prepared.chosen;
  let others: ReadonlySet<string> | null = null;
  pins.inspect = (key, value, own) => inspectItem(key, value, { own, others: (others ??= toolsOfOthers(pinPlace(prepared, host), host)) });
  const today = (): string => new Date(host.now() / 1000).toISOString().slice(0, 10);
  return new Judge(compiled, pins, worldOf(prepared, host), new Answers(compiled, pins, (line) => notes.info(line), today), host.now);
}

export function worldOf({ plan, chosen }: Prepared, host: Host): World {
  const scratch = plan.isolation === "none" ? [] : [plan.environment["TMPDIR"] ?? "/tmp"];
  return { cwd: plan.cwd, homes: [...new Set([plan.environment["HOME"] ?? "/", homeOf(host)])], readable: plan.given.read, writable: plan.given.write, scratch, hosts: chosen.compiled.network?.hosts ?? [], files: HOST_FILES };
}
