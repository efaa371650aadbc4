/**
 * `docker run …` and `podman run …` as clients' files have them: the image and its arguments are taken over, the options
 * that a cell decides itself are dropped, and those that would open it are refused, each with the reason.
 */
import { SallyportError } from "../../errors.ts";
import { ask, findEngine, inspectImage, type Engine, type EngineName, type ImageFacts } from "../engine.ts";
import type { Launch, User } from "../plan.ts";
import { NOBODY } from "../survey.ts";
import type { ResolveOptions } from "./resolve.ts";

/** What is done with an option: `drop` (the cell decides it), `take` (its value counts), or why it is refused. */
type Treatment = "drop" | "take" | { readonly refused: string };
const refused = (why: string): Treatment => ({ refused: why });

const NETWORK = refused("cells reach hosts by name only: --host NAME:PORT in front of the dashes");
const MOUNT = refused("directories are given by --read and --write in front of the dashes");
const RIGHTS = refused("no server gets more rights than a cell has");
const NAMESPACE = refused("the namespace would be the machine's own or another container's");
const LIMITS = refused("limits stand in the manifest, under isolation.limits");

/** Options with a value. */
const VALUED: Readonly<Record<string, Treatment>> = {
  "--name": "drop", "--label": "drop", "-l": "drop", "--hostname": "drop", "-h": "drop", "--pull": "drop", "--log-driver": "drop", "--log-opt": "drop", "--restart": "drop", "--stop-timeout": "drop", "--stop-signal": "drop", "--platform": "drop",
  "--env": "take", "-e": "take", "--user": "take", "-u": "take", "--network": "take", "--net": "take",
  "--volume": MOUNT, "-v": MOUNT, "--mount": MOUNT, "--volumes-from": MOUNT, "--tmpfs": MOUNT, "--workdir": MOUNT, "-w": MOUNT,
  "--publish": NETWORK, "-p": NETWORK, "--add-host": NETWORK, "--dns": NETWORK, "--link": NETWORK, "--expose": NETWORK, "--ip": NETWORK,
  "--cap-add": RIGHTS, "--security-opt": RIGHTS, "--device": RIGHTS, "--gpus": RIGHTS, "--group-add": RIGHTS, "--runtime": RIGHTS, "--cgroup-parent": RIGHTS, "--sysctl": RIGHTS, "--device-cgroup-rule": RIGHTS, "--annotation": RIGHTS,
  "--pid": NAMESPACE, "--ipc": NAMESPACE, "--uts": NAMESPACE, "--userns": NAMESPACE, "--cgroupns": NAMESPACE,
  "--entrypoint": refused("another program than the image's is program code on the command line"),
  "--env-file": refused("name each variable: --env NAME in front of the dashes"),
  "--memory": LIMITS, "-m": LIMITS, "--cpus": LIMITS, "--ulimit": LIMITS, "--pids-limit": LIMITS, "--shm-size": LIMITS, "--memory-swap": LIMITS, "--oom-score-adj": LIMITS,
  "--cap-drop": "drop", "--secret": refused("no secret is put into a server"), "--cidfile": refused("nothing is written outside the cell"),
};
/** Options without one. */
const FLAGS: Readonly<Record<string, Treatment>> = {
  "-i": "drop", "--interactive": "drop", "--rm": "drop", "--init": "drop", "--read-only": "drop", "--no-healthcheck": "drop", "--quiet": "drop", "-q": "drop", "--sig-proxy": "drop",
  "--privileged": RIGHTS, "--publish-all": NETWORK, "-P": NETWORK, "--oom-kill-disable": LIMITS,
  "-t": refused("a terminal would mix what the server says with control codes"), "--tty": refused("a terminal would mix what the server says with control codes"),
  "-d": refused("a detached container answers nobody"), "--detach": refused("a detached container answers nobody"),
};
const SECRET = /(?:^|_|API|ACCESS|AUTH|SECRET|PRIVATE)(?:TOKENS?|KEYS?|SECRETS?|PASSWORD|PASSWD|PWD|CREDENTIALS?|AUTH|PAT)(?:$|_)/i;
/** A user and a password inside an address. */
const CREDENTIALS = /:\/\/[^/@\s]*:[^/@\s]+@/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** `[registry/]name[:tag][@sha256:…]` (distribution's reference grammar). */
const IMAGE = /^(?=.{1,255}$)[a-z0-9][\w.\-/:]*(?:@sha256:[0-9a-f]{64})?$/i;

export interface Taken {
  readonly image: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user: User | null;
}

/** Throws `launch.container-option`, `launch.code`, `cell.image`, `cell.engine`. */
export async function resolveContainer(name: EngineName, args: readonly string[], { host, say }: ResolveOptions): Promise<Launch> {
  const { image, args: rest, environment, user } = parseContainer(args);
  const engine = await findEngine(name, host);
  const facts = (await inspectImage(engine, image)) ?? (await pull(engine, image, say));
  const [program = "", ...first] = [...facts.entrypoint, ...(rest.length > 0 ? rest : facts.command)];
  if (program === "") throw new SallyportError("cell.image", `${image} says no program`);
  const own = user ?? userOf(facts);
  return {
    program,
    args: first,
    asked: [],
    needs: [],
    identity: { kind: "image", name: image, integrity: facts.digest ?? facts.id },
    engine: name,
    variables: environment,
    image: { id: facts.id, name: image, environment: facts.environment, user: own, cwd: facts.cwd, volumes: facts.volumes, made: false },
  };
}

/** Throws `launch.container-option`, `cell.image`. */
export function parseContainer(args: readonly string[]): Taken {
  if (args[0] === "container") return parseContainer(args.slice(1));
  if (args[0] !== "run") throw new SallyportError("launch.container-option", `${args[0] ?? "nothing"}: only run is taken over`);
  const environment: Record<string, string> = {};
  let user: User | null = null;
  let at = 1;
  for (; at < args.length && (args[at] as string).startsWith("-"); at += 1) {
    for (const [option, value] of spread(args[at] as string, () => args[(at += 1)])) {
      if (option === "--env" || option === "-e") Object.assign(environment, variable(value ?? ""));
      else if (option === "--user" || option === "-u") user = userFrom(value ?? "");
      else if ((option === "--network" || option === "--net") && value !== "none") refuse(option, "cells reach hosts by name only: --host NAME:PORT in front of the dashes");
    }
  }
  const image = args[at];
  if (image === undefined || !IMAGE.test(image)) throw new SallyportError("cell.image", image ?? "none is named");
  return { image, args: args.slice(at + 1), environment, user };
}

/** `--a=b`, `--a b`, `-eX=Y` and `-it` -> options with their values, each known and not refused. */
function spread(word: string, next: () => string | undefined): (readonly [option: string, value: string | null])[] {
  const [, long, value] = /^(--[^=]+)(?:=([^]*))?$/.exec(word) ?? [];
  if (long !== undefined) return [checked(long, value ?? (Object.hasOwn(VALUED, long) ? next() : undefined))];
  const found: (readonly [string, string | null])[] = [];
  for (let index = 1; index < word.length; index += 1) {
    const option = `-${word[index]}`;
    if (!Object.hasOwn(VALUED, option)) {
      found.push(checked(option, undefined));
      continue;
    }
    const rest = word.slice(index + 1).replace(/^=/, "");
    found.push(checked(option, rest === "" ? next() : rest));
    break;
  }
  return found.length > 0 ? found : [checked(word, undefined)];
}

function checked(option: string, value: string | undefined): readonly [string, string | null] {
  const valued = Object.hasOwn(VALUED, option);
  const treatment = valued ? VALUED[option] : Object.hasOwn(FLAGS, option) ? FLAGS[option] : undefined;
  if (treatment === undefined) refuse(option, "it is not known here");
  if (valued && value === undefined) refuse(option, "its value is missing");
  if (typeof treatment === "object") refuse(option, treatment.refused);
  return [option, value ?? null];
}

function refuse(option: string, why: string): never {
  throw new SallyportError("launch.container-option", `${option}: ${why}`);
}

/** A value that stands in the command line is passed on; what looks like a secret, or comes from the caller's variables, is named for Sallyport. */
function variable(text: string): Record<string, string> {
  const [name = "", ...rest] = text.split("=");
  if (!VARIABLE.test(name)) refuse("--env", `${name} is no variable`);
  if (rest.length === 0) refuse("--env", `${name} would be taken from your own variables; name it in front of the dashes: --env ${name}`);
  if (SECRET.test(name) || CREDENTIALS.test(rest.join("="))) refuse("--env", `${name} looks like a secret on the command line; name it in front of the dashes: --env ${name}`);
  return { [name]: rest.join("=") };
}

function userFrom(text: string): User {
  const [, uid, gid = uid] = /^(\d{1,9})(?::(\d{1,9}))?$/.exec(text) ?? [];
  if (uid === undefined || Number(uid) === 0 || Number(gid) === 0) refuse("--user", `${text}: numbers, and none of them root's`);
  return { uid: Number(uid), gid: NOBODY.gid };
}

/** The image's own, where it is numeric and not root's: its files may be readable for nobody else. */
function userOf({ user }: ImageFacts): User | null {
  const [, uid, gid = uid] = /^(\d{1,9})(?::(\d{1,9}))?$/.exec(user) ?? [];
  return uid === undefined || Number(uid) === 0 || Number(gid) === 0 ? null : { uid: Number(uid), gid: NOBODY.gid };
}

async function pull(engine: Engine, image: string, say: (line: string) => void): Promise<ImageFacts> {
  say(`pulling ${image} (once)`);
  await ask(engine, ["pull", "--quiet", image]).catch((error: SallyportError) => Promise.reject(new SallyportError("cell.image", `${image}: ${error.detail}`)));
  const facts = await inspectImage(engine, image);
  if (facts === null) throw new SallyportError("cell.image", image);
  return facts;
}
