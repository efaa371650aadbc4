/** One table: code -> who can mend it, what happened, what to do next. `docs/errors.md` lists the same; a test compares. */

/** `user`: a mistake of the caller; `env`: the machine lacks something; `peer`: client, server or registry; `internal`: ours. */
export type Fault = "user" | "env" | "peer" | "internal";

interface Entry {
  readonly fault: Fault;
  readonly text: string;
  readonly hint: string;
}

export const ERRORS = {
  // usage
  "usage.unknown-command": { fault: "user", text: "there is no such command", hint: "sallyport --help lists the commands" },
  "usage.option": { fault: "user", text: "the options are not understood", hint: "add --help for what the command takes" },
  "usage.no-command": { fault: "user", text: "no server command was given", hint: "put it behind two dashes: sallyport run -- npx -y PACKAGE ARG" },
  "usage.nobody": { fault: "user", text: "nobody can be asked here", hint: "run it in a terminal, or add --yes where the answer is yes" },
  "usage.interrupted": { fault: "user", text: "you have stopped it; nothing was written but what you had agreed to before", hint: "run the same command again" },
  "file.access": { fault: "env", text: "a file or directory cannot be used", hint: "check that it exists, and may be read or written by you" },
  "usage.reason": { fault: "user", text: "--isolation none needs a reason", hint: 'say why, it is recorded: --isolation none --reason "…"' },
  // launch
  "launch.not-found": { fault: "user", text: "the server's program was not found", hint: "check the spelling, or give its absolute path" },
  "launch.file": { fault: "user", text: "the server's script cannot be read", hint: "check the path; it is taken from the current directory" },
  "launch.code": { fault: "user", text: "the command line carries program code", hint: "put the code into a file and run that; or name the whole command in a manifest" },
  "launch.runner-option": { fault: "user", text: "this option of the package runner is not taken over", hint: "use: npx [-y] PACKAGE[@VERSION] ARG…, uvx PACKAGE[==VERSION] ARG…; docs/launchers.md lists the others" },
  "launch.package": { fault: "user", text: "this package name is not one of the registry's", hint: "use a name, with @VERSION where wanted; for local code run node FILE" },
  "launch.program": { fault: "peer", text: "the package does not say which of its programs to run", hint: "install it and run node FILE" },
  "launch.bundle": { fault: "user", text: "the bundle cannot be used", hint: "sallyport run -- FILE.mcpb KEY=VALUE…; see its manifest.json" },
  "launch.container-option": { fault: "user", text: "this option of the container is not taken over", hint: "leave it out, or say it to Sallyport: sallyport run --help" },
  "launch.fetch": { fault: "env", text: "the package could not be fetched", hint: "see the lines of npm above; try the same with: npm view PACKAGE" },
  // manifest
  "manifest.missing": { fault: "user", text: "there is no such manifest", hint: "sallyport add NAME -- COMMAND writes one; or name it with --manifest FILE" },
  "manifest.syntax": { fault: "user", text: "the manifest is not YAML", hint: "mend the named place" },
  "manifest.duplicate-key": { fault: "user", text: "the manifest has a key twice", hint: "keep one of the two" },
  "manifest.unknown-key": { fault: "user", text: "the manifest has a key that means nothing", hint: "docs/manifest.md lists the keys" },
  "manifest.value": { fault: "user", text: "the manifest has a value that cannot be", hint: "docs/manifest.md says what each key takes" },
  "manifest.unreachable": { fault: "user", text: "a pattern of the manifest can never apply", hint: "remove it, or put it before the wider one" },
  "manifest.widens": { fault: "user", text: "the manifest allows more than the one it extends", hint: "a manifest can only narrow another; change that other one, or leave this out" },
  "manifest.cycle": { fault: "user", text: "the manifest extends itself", hint: "break the circle" },
  "manifest.server": { fault: "user", text: "the manifest has no such server", hint: "sallyport add NAME -- COMMAND adds one" },
  "manifest.baseline": { fault: "user", text: "the machine's baseline does not allow this", hint: "see /etc/sallyport/baseline.yaml, or who keeps it" },
  // cell
  "cell.path": { fault: "user", text: "this directory cannot be given to a server", hint: "name an existing directory other than /, /proc, /sys, /dev or /run" },
  "cell.write-owner": { fault: "user", text: "a directory for writing belongs to root, and no server runs as root", hint: "chown 65534 DIRECTORY, or start sallyport as the directory's owner" },
  "cell.variable": { fault: "user", text: "this variable cannot be passed on", hint: "use --env NAME to pass one on, or --env NAME=VALUE" },
  "cell.no-bubblewrap": { fault: "env", text: "bubblewrap is not installed", hint: "apt-get install bubblewrap (or dnf, pacman, apk); sallyport doctor checks the rest" },
  "cell.no-tool": { fault: "env", text: "a program that the cell needs is not installed", hint: "apt-get install util-linux; sallyport doctor names it" },
  "cell.refused": { fault: "env", text: "the kernel refused to build the cell", hint: "sallyport doctor tries each part and names the setting to change" },
  "cell.architecture": { fault: "env", text: "there is no system call filter for this processor", hint: "x64 and arm64 are supported" },
  "cell.engine": { fault: "env", text: "the container engine does not do what is needed", hint: "sallyport doctor says what works here; --isolation bubblewrap needs no engine" },
  "cell.image": { fault: "user", text: "the image cannot be used", hint: "pull it first, and name it as the engine does: docker pull IMAGE" },
  "cell.ceiling": { fault: "env", text: "too many cells are running on this machine", hint: "end some of them; sallyport doctor counts them" },
  "cell.platform": { fault: "env", text: "cells need Linux", hint: 'run inside Linux, or accept the risk: --isolation none --reason "…"' },
  "cell.promise-broken": { fault: "env", text: "the kernel did not apply what was asked; the server was killed before it ran", hint: "sallyport doctor shows which promise fails" },
  "cell.start-timeout": { fault: "env", text: "the cell was not ready in time", hint: "sallyport doctor times each part" },
  // egress
  "egress.start": { fault: "env", text: "the cell's network could not be opened", hint: "sallyport doctor tries it and names what is missing" },
  "egress.name": { fault: "peer", text: "this host and port are not among those allowed", hint: "name it under network.hosts, or with --host NAME:PORT" },
  "egress.address": { fault: "peer", text: "the name resolves to no address that may be reached", hint: "name the address as well: network.addresses, or --address" },
  "egress.resolve": { fault: "peer", text: "the name does not resolve", hint: "check the spelling, and this machine's name server" },
  "egress.connect": { fault: "peer", text: "the host does not answer", hint: "check that it can be reached from this machine" },
  "egress.server-name": { fault: "peer", text: "the TLS server name is not the host that is allowed", hint: "name that host as well, if it should be reached" },
  "egress.http-host": { fault: "peer", text: "the request names another host than the one that is allowed", hint: "name that host as well, if it should be reached" },
  "egress.request": { fault: "peer", text: "the request is not one that every server reads alike", hint: "send plain HTTP/1.1 as RFC 9112 has it, or TLS" },
  "egress.limit": { fault: "peer", text: "the server's limits for the network are used up", hint: "network.limits in the manifest are the bounds" },
  // journal
  "journal.open": { fault: "env", text: "the journal cannot be opened, so nothing may pass", hint: "make the state directory writable, or set SALLYPORT_HOME" },
  "journal.key": { fault: "env", text: "the journal's key cannot be used", hint: "see docs/format/journal.md; the key file must be the caller's own, mode 0600" },
  "journal.write": { fault: "env", text: "the journal cannot be written, so nothing may pass", hint: "free space, or make the state directory writable" },
  "journal.altered": { fault: "env", text: "the journal was changed while it was being written", hint: "sallyport journal verify names the place; find out who has access" },
  "journal.no-session": { fault: "user", text: "there is no such session", hint: "sallyport journal show lists them" },
  // frames
  "frame.too-long": { fault: "peer", text: "the line is longer than the limit", hint: "send less at once, or raise --max-line" },
  "frame.blank": { fault: "peer", text: "the line is empty", hint: "nothing to do: it is recorded and not passed on" },
  // JSON
  "json.utf8": { fault: "peer", text: "the line is not valid UTF-8", hint: "send UTF-8 (RFC 8259, section 8.1)" },
  "json.bom": { fault: "peer", text: "the line starts with a byte order mark", hint: "send UTF-8 without one (RFC 8259, section 8.1)" },
  "json.syntax": { fault: "peer", text: "the line is not JSON", hint: "stdout carries messages only; log to stderr" },
  "json.carriage-return": { fault: "peer", text: "a carriage return stands inside the line, which some readers take for its end", hint: "end lines with a newline, or with carriage return and newline" },
  "json.content-length": { fault: "peer", text: "the message is framed with Content-Length headers", hint: "MCP over STDIO sends one message a line" },
  "json.depth": { fault: "peer", text: "the message is nested too deeply", hint: "nest at most 100 deep" },
  "json.duplicate-key": { fault: "peer", text: "an object has the same key twice, which parsers read differently", hint: "send each key once" },
  "json.case-collision": { fault: "peer", text: "two keys differ in letter case only, which parsers read differently", hint: "send each key once, in the protocol's spelling" },
  "json.case-variant": { fault: "peer", text: "a key of the protocol is written in other letters, which parsers read differently", hint: "use the protocol's spelling" },
  "json.proto-key": { fault: "peer", text: "the key __proto__ stands where the protocol's own keys do", hint: "leave it out" },
  "json.surrogate": { fault: "peer", text: "a string holds half of a surrogate pair", hint: "send whole characters (RFC 8259, section 8.2)" },
  "json.number": { fault: "peer", text: "a number is too large for a double", hint: "send it as a string" },
  // messages
  "message.shape": { fault: "peer", text: "the line is JSON, but not a JSON-RPC 2.0 message", hint: "see the MCP specification, base protocol" },
  "message.id": { fault: "peer", text: "the id is not one that every parser reads the same", hint: "use a string, or a whole number up to 2^53 - 1" },
  "message.params": { fault: "peer", text: "params is not an object", hint: "MCP passes parameters by name" },
  "message.batch": { fault: "peer", text: "batches belong to revision 2025-03-26 only", hint: "send one message a line" },
  "message.id-in-use": { fault: "peer", text: "a request with this id is still waiting for its answer", hint: "use a new id for each request" },
  "message.unmatched": { fault: "peer", text: "this answers no request that is waiting", hint: "answer each request once" },
  "message.cancelled": { fault: "peer", text: "the request was cancelled before it was passed on", hint: "nothing to do: it is recorded and not passed on" },
  "gate.asked": { fault: "peer", text: "the gate asked for this itself", hint: "nothing to do: it is recorded and not passed on" },
  "message.too-many-pending": { fault: "peer", text: "too many requests are waiting for their answers", hint: "wait for answers, or cancel" },
  // capabilities
  "capability.method": { fault: "peer", text: "the manifest does not list this method", hint: "who keeps the manifest can add it under capabilities" },
  "capability.tool": { fault: "peer", text: "the manifest does not allow this tool", hint: "who keeps the manifest can add it under capabilities.tools" },
  "capability.resource": { fault: "peer", text: "the manifest does not allow this resource", hint: "who keeps the manifest can add it under capabilities.resources" },
  "capability.prompt": { fault: "peer", text: "the manifest does not allow this prompt", hint: "who keeps the manifest can add it under capabilities.prompts" },
  // consent
  "consent.asked": { fault: "peer", text: "a person must decide about this first", hint: "tell the user that it needs their decision; once they have answered, make the very same call again" },
  "consent.denied": { fault: "peer", text: "a person has said no to this", hint: "ask the user what they want instead; do not try it again unasked" },
  "consent.never": { fault: "peer", text: "a person has said that this may not be done", hint: "the user can take that back: sallyport grants lists what was answered" },
  "consent.expired": { fault: "peer", text: "a person must decide about this, and nobody has answered in time", hint: "tell the user that it needs their decision: sallyport approvals, in a terminal of their own, shows what waits while it is tried again" },
  "consent.withdrawn": { fault: "peer", text: "the question about this was taken back before anybody answered", hint: "try it again if it is still wanted" },
  "consent.nobody": { fault: "peer", text: "this needs a person's decision, and nobody is there to be asked", hint: "a policy can permit it to this workload: docs/policies.md" },
  "consent.replayed": { fault: "peer", text: "this answers no question that is open, or asks for something else than the question was about", hint: "call without requestState and inputResponses of before" },
  "consent.number": { fault: "peer", text: "a number in this call has more digits than most readers keep, so nobody can be asked about it", hint: "send it as text" },
  "consent.store": { fault: "env", text: "questions and answers cannot be kept, so nothing can be asked", hint: "free space, or make the state directory writable" },
  "consent.webhook": { fault: "env", text: "the question could not be posted to the webhook", hint: "check consent.webhook in the manifest; the other channels are still open" },
  "consent.authority": { fault: "env", text: "the user who answers cannot be asked", hint: "sallyport approvals --serve SOCKET must run as that user, in a directory that this one cannot write" },
  "consent.unknown": { fault: "user", text: "no such question is open", hint: "sallyport approvals lists what waits; what was answered, withdrawn or too old is gone" },
  "consent.self": { fault: "user", text: "who asks cannot answer: this comes from below the client, or from below its gate", hint: "answer in a terminal of your own" },
  "consent.terminal": { fault: "user", text: "an answer needs a terminal with a person at it", hint: "answer in a terminal of your own, not through a pipe" },
  "consent.code": { fault: "user", text: "the code was not typed as it was shown", hint: "try it again" },
  "consent.approver": { fault: "user", text: "this user may not answer this question", hint: "the question names who may" },
  "consent.choice": { fault: "user", text: "this question has no such answer", hint: "sallyport approvals ID lists them" },
  "consent.grant": { fault: "user", text: "there is no such grant", hint: "sallyport grants lists them" },
  // CI
  "ci.rules": { fault: "user", text: "nothing says which jobs count", hint: "ci in the manifest names issuers and audience: docs/policies.md" },
  "ci.token": { fault: "user", text: "there is no token that tells which job this is", hint: "GitHub: permissions: id-token: write; elsewhere put the job's OIDC token into SALLYPORT_OIDC_TOKEN" },
  "ci.identity": { fault: "user", text: "the job's token does not count", hint: "ci in the manifest names issuers, audience and the claims it must have" },
  "ci.issuer": { fault: "env", text: "the issuer's keys cannot be had, so no token can be checked", hint: "the issuer must be reached from here: its discovery document and its keys" },
  "ci.lock": { fault: "user", text: "what the server offers was not approved by anybody who may", hint: "sign the lock: ssh-keygen -Y sign -n sallyport -f KEY sallyport.lock; or permit approveChange to this workload" },
  // policies
  "policy.denied": { fault: "peer", text: "a policy does not permit this", hint: "who keeps the policies can tell why: sallyport explain shows which of them decided" },
  "policy.missing": { fault: "user", text: "a policy file cannot be read", hint: "policies.files of the manifest names them" },
  "policy.syntax": { fault: "user", text: "a policy is not Cedar", hint: "mend the named place; docs/policies.md has examples" },
  "policy.schema": { fault: "user", text: "a policy does not fit the schema", hint: "docs/policies/sallyport.cedarschema lists what policies may speak of" },
  "policy.annotation": { fault: "user", text: "an annotation of a policy means nothing", hint: "@consent, @approvers, @quorum and @reason: docs/policies.md" },
  "policy.point": { fault: "env", text: "the decision point cannot be asked, so nothing is permitted", hint: "check its address and that it runs; policies.point of the manifest names it" },
  "policy.test": { fault: "user", text: "the file of tests is not understood", hint: "docs/policies.md shows one" },
  // arguments
  "argument.schema": { fault: "peer", text: "the arguments do not match the tool's schema", hint: "look at the tool's inputSchema, and send just what it names" },
  "argument.schema-unfit": { fault: "peer", text: "the tool's schema cannot be applied safely, so the tool cannot be called", hint: "its author must simplify it" },
  "argument.value": { fault: "peer", text: "an argument is not one of the values that the manifest allows", hint: "use an allowed value, or change the slot in the manifest" },
  "argument.text": { fault: "peer", text: "a text is too long, or holds what no text has", hint: "send plain text" },
  "argument.path": { fault: "peer", text: "a path leads outside the directories that this server is given", hint: "use a path inside them; more are given with isolation.read and isolation.write, or --read and --write" },
  "argument.url": { fault: "peer", text: "an address is not one that this server may reach", hint: "use a public address; others are named under hosts of the slot" },
  "argument.sql": { fault: "peer", text: "the SQL does more than this slot allows", hint: "send one statement that only reads; more kinds are named under statements of the slot" },
  "argument.command": { fault: "peer", text: "the command does more than this slot allows", hint: "send one plain command; programs and grammar are named under programs and allow of the slot" },
  "argument.argument": { fault: "peer", text: "a value would become an option, a name or a command of its own", hint: "send a plain value" },
  "argument.regex": { fault: "peer", text: "a regular expression could run for ever", hint: "write it without repetition inside repetition" },
  "argument.email": { fault: "peer", text: "this is not one mail address", hint: "send name@example.com, one address" },
  // pins
  "pin.changed": { fault: "peer", text: "this is not what was approved before, so it is held back", hint: "sallyport lock, with the same --server NAME or -- COMMAND, shows the difference, and approves it" },
  "pin.new": { fault: "peer", text: "the server had nothing of this name when it was approved", hint: "check the name; what is new, sallyport lock shows and approves, with the same --server NAME or -- COMMAND" },
  "pin.unlisted": { fault: "peer", text: "the server has not listed this, so nothing is known of it", hint: "list first, then call" },
  "pin.held": { fault: "peer", text: "something was found in what the server says of this, so it is held back", hint: "sallyport lock, with the same --server NAME or -- COMMAND, shows what was found, and approves it" },
  "pin.identity": { fault: "user", text: "the server's program is not the one that was approved", hint: "sallyport lock shows the difference, and approves it" },
  "pin.lock": { fault: "user", text: "the lock cannot be read", hint: "restore it from your version control, or remove it and approve the server anew" },
  "pin.write": { fault: "env", text: "the lock cannot be written", hint: "make its directory writable" },
  // what a server says
  "guard.blocked": { fault: "peer", text: "what the server said holds something that must not pass", hint: "sallyport journal show tells what; rules are silenced in the manifest, narrowly" },
  "guard.response-shape": { fault: "peer", text: "the answer does not have the form that its request asks for", hint: "report it to the server's author" },
  // limits
  "limit.in-flight": { fault: "peer", text: "too many requests are under way", hint: "wait for answers; limits.inFlight is the bound" },
  "limit.rate": { fault: "peer", text: "this is called too often", hint: "wait a moment; the rate stands in the manifest" },
  "limit.result": { fault: "peer", text: "the answer is longer or deeper than allowed", hint: "ask for less; limits.resultBytes and resultDepth are the bounds" },
  "limit.server-requests": { fault: "peer", text: "the server asks too often", hint: "limits.serverRequests is the bound" },
  "limit.notifications": { fault: "peer", text: "the server sends too many notifications", hint: "limits.serverNotifications is the bound" },
  "registry.file": { fault: "user", text: "the registry's server.json cannot be used", hint: "sallyport add NAME --registry FILE KEY=VALUE…" },
  // secrets
  "secret.missing": { fault: "user", text: "there is no such secret", hint: "sallyport unprotect and protect again moves it anew; or write it into the store by that name" },
  "secret.store": { fault: "env", text: "the store of secrets does not answer", hint: "unlock the keyring, or restore secrets.age and its key" },
  // clients
  "clients.unknown": { fault: "user", text: "there is no such client", hint: "sallyport protect --help lists them" },
  "clients.server": { fault: "user", text: "no client has such a server", hint: "sallyport protect --check lists the servers that were found" },
  "clients.syntax": { fault: "user", text: "the client's file cannot be read", hint: "mend the named place; the client cannot read it either" },
  "clients.entry": { fault: "user", text: "the server's entry is not one that can be changed", hint: "write the command line in the client's usual form" },
  "clients.changed": { fault: "env", text: "the client's file was written by another program at the same moment; nothing was changed", hint: "run the same command again" },
  "clients.write": { fault: "env", text: "the client's file cannot be written", hint: "mend what is named, and run the same command again" },
  "clients.managed": { fault: "user", text: "this file is the administrator's", hint: "ask who manages this machine to put sallyport run -- before the command" },
  "clients.place": { fault: "env", text: "this copy of Sallyport will not stay where it is", hint: "install it first: npm install --global sallyport" },
  // server
  "server.ended": { fault: "peer", text: "the server ended before it answered, or did not answer in time", hint: "look at what it said on stderr: sallyport journal show last" },
  "server.not-started": { fault: "peer", text: "the server's program could not be started in the cell", hint: "sallyport explain shows what the cell contains; add --read DIR for what is missing" },
  "session.ending": { fault: "peer", text: "the session is ending", hint: "start it again" },
  "internal.bug": { fault: "internal", text: "this is a fault of ours", hint: "please report it with the line above" },
} as const satisfies Record<string, Entry>;

export type Code = keyof typeof ERRORS;

/** Exit codes of the command line (design: 0 fine, 1 the answer is no, 2 the user, 3 the machine, 4 a peer, 70 ours). */
const EXIT: Record<Fault, number> = { user: 2, env: 3, peer: 4, internal: 70 };

/** As shells have it of what ended by SIGINT. */
const INTERRUPTED = 130;

/** An error with a stable code. `detail` says which file, name or number; it may hold a peer's text, so it is escaped. */
export class SallyportError extends Error {
  readonly code: Code;
  readonly detail: string;

  constructor(code: Code, detail = "", options?: ErrorOptions) {
    super(detail === "" ? ERRORS[code].text : `${ERRORS[code].text}: ${escapeControls(detail)}`, options);
    this.name = "SallyportError";
    this.code = code;
    this.detail = detail;
  }

  get hint(): string {
    return ERRORS[this.code].hint;
  }

  get exitCode(): number {
    if (this.code === "usage.interrupted") return INTERRUPTED;
    return EXIT[ERRORS[this.code].fault];
  }
}

/** What the machine says of files (errno(3)); none of it is our fault. */
const FILES = new Set(["EACCES", "EDQUOT", "EIO", "EISDIR", "ELOOP", "EMFILE", "ENAMETOOLONG", "ENFILE", "ENOENT", "ENOSPC", "ENOTDIR", "ENOTEMPTY", "EPERM", "EROFS"]);

/** Wraps anything thrown into our error, so that every way out has a code. */
export function asSallyportError(thrown: unknown, code?: Code): SallyportError {
  if (thrown instanceof SallyportError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const { code: system, syscall } = (thrown ?? {}) as NodeJS.ErrnoException;
  return new SallyportError(code ?? (syscall !== undefined && system !== undefined && FILES.has(system) ? "file.access" : "internal.bug"), text, { cause: thrown });
}

/** Makes a peer's text safe for a terminal and for one line: control and format characters become \u escapes. */
export function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => `\\u${character.codePointAt(0)?.toString(16).padStart(4, "0")}`);
}
