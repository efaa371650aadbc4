/** Installs what the other scripts need, and nothing that is there already: npm packages, bubblewrap; with --peers those of the end-to-end tests. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const say = (line) => console.error(`setup: ${line}`);

if (!atLeast(process.versions.node, [20, 19])) fail(`Node ${process.versions.node} is too old: 20.19 or newer is needed`);
packages(root, "npm packages");
if (process.argv.includes("--peers")) packages(join(root, "test/e2e"), "peers of the end-to-end tests (740 MB)");
programs({ bwrap: "bubblewrap", prlimit: "util-linux", setpriv: "util-linux", unshare: "mount util-linux", perl: "perl-base", nsenter: "util-linux", ip: "iproute2", openssl: "openssl", ...(process.argv.includes("--peers") ? { psql: "postgresql", dockerd: "docker.io", podman: "podman", runc: "runc", curl: "curl", git: "git", "/usr/bin/python3": "python3 python3-venv python3-pip", "/usr/lib/python3/dist-packages/requests": "python3-requests", "secret-tool": "libsecret-tools", "gnome-keyring-daemon": "gnome-keyring", "dbus-run-session": "dbus" } : {}) });
if (process.argv.includes("--peers")) startDocker();

/**
 * Installs what the lock file says, where it is not there. Not by `npm ci`, which refuses a lock without the optional
 * packages of other platforms, and not every registry has those.
 */
function packages(folder, what) {
  const lock = join(folder, "package-lock.json");
  const installed = join(folder, "node_modules/.package-lock.json");
  if (existsSync(installed) && sameTree(lock, installed)) return;
  say(`installing ${what}`);
  const { status } = spawnSync("npm", ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, stdio: ["ignore", 2, 2] });
  if (status !== 0) fail(`npm install failed in ${folder}; run it yourself to see why`);
}

function sameTree(lock, installed) {
  const tree = (file) => Object.entries(JSON.parse(readFileSync(file, "utf8")).packages).filter(([path, entry]) => path !== "" && !entry.optional).map(([path, { version }]) => `${path} ${version}`).sort().join("\n");
  return tree(lock) === tree(installed);
}

function programs(wanted) {
  const missing = Object.keys(wanted).filter((name) => !found(name));
  if (missing.length === 0) return;
  const names = [...new Set(missing.flatMap((name) => wanted[name].split(" ")))];
  const command = `apt-get install -y ${names.join(" ")}`;
  if (process.getuid() !== 0 || !found("apt-get")) fail(`these programs are missing: ${missing.join(", ")}; install them with: ${process.getuid() === 0 ? "" : "sudo "}${command} (or your distribution's command)`);
  say(command);
  const options = { stdio: ["ignore", 2, 2], env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
  if (spawnSync("apt-get", ["install", "-y", "-qq", ...names], options).status !== 0) {
    execFileSync("apt-get", ["update", "-qq"], options);
    execFileSync("apt-get", ["install", "-y", "-qq", ...names], options);
  }
}

/** A daemon for the tests, where none answers: it ends with the machine. */
function startDocker() {
  const answers = () => spawnSync("docker", ["info"], { stdio: "ignore" }).status === 0;
  if (process.getuid() !== 0 || answers()) return;
  say("starting dockerd");
  spawn("dockerd", [], { stdio: "ignore", detached: true }).unref();
  for (let count = 0; count < 60 && !answers(); count += 1) spawnSync("sleep", ["0.5"]);
}

/** @param name of a program, or the path of what a package brings. */
function found(name) {
  if (name.startsWith("/")) return existsSync(name);
  return [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"].some((folder) => folder !== "" && existsSync(join(folder, name)));
}

function atLeast(version, [major, minor]) {
  const [a, b] = version.split(".").map(Number);
  return a > major || (a === major && b >= minor);
}

function fail(line) {
  say(line);
  process.exit(3);
}
