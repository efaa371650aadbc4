/** Which directories belong to a program or script, so that it runs in the cell: its installation, its package, never a whole home. */
import { existsSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { Host } from "../../model.ts";
import { isWithin } from "../../paths.ts";

const PROJECT_FILES = ["package.json", "pyproject.toml", "setup.py", "requirements.txt", "Gemfile", "composer.json"];

/** The installation around a program outside /usr (nvm, pyenv, a virtual environment), or the program alone. */
export function programNeeds(program: string, host: Host): string[] {
  const real = realpathSync(program);
  return [...new Set([...installation(program, host), ...installation(real, host)])];
}

function installation(program: string, host: Host): string[] {
  const prefix = dirname(dirname(program));
  const isInstallation = basename(dirname(program)) === "bin" && (existsSync(join(prefix, "lib")) || existsSync(join(prefix, "pyvenv.cfg")));
  return [isInstallation && !isTooBroad(prefix, host) ? prefix : program];
}

/** The package around a script with the `node_modules` above it, or its directory, or the script alone. */
export function scriptNeeds(file: string, host: Host): string[] {
  const installed = file.indexOf("/node_modules/");
  if (installed !== -1) return [file.slice(0, installed + "/node_modules".length)];
  const above = ancestors(dirname(file)).filter((directory) => !isTooBroad(directory, host));
  const project = above.find((directory) => PROJECT_FILES.some((name) => existsSync(join(directory, name))));
  const own = project ?? above[0] ?? file;
  const shared = ancestors(dirname(own)).map((directory) => join(directory, "node_modules")).filter((directory) => existsSync(directory));
  return [own === dirname(file) || project !== undefined ? own : file, ...shared];
}

function ancestors(directory: string): string[] {
  return directory === "/" ? ["/"] : [directory, ...ancestors(dirname(directory))];
}

const SHARED = ["/", "/tmp", "/var", "/var/tmp", "/opt", "/srv", "/mnt", "/media", "/home", "/root", "/etc", "/usr"];

/** A home, or what holds homes or everybody's files: never given to a server because a script lies in it. */
function isTooBroad(directory: string, host: Host): boolean {
  const home = host.env["HOME"]?.startsWith("/") === true ? host.env["HOME"] : homedir();
  return SHARED.includes(directory) || isWithin(home, directory) || isWithin(existsSync(home) ? realpathSync(home) : home, directory);
}
