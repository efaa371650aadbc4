/** What policies may speak of, in Cedar's own schema language; docs/policies/sallyport.cedarschema is this text. */

export const CEDAR_SCHEMA = `// Who asks.
entity Group;
// What the client says of itself; it proves nothing.
entity Client;
// The user of this machine whose gate it is.
entity User in [Group, Client];
// A job in CI, by its verified OIDC token.
entity Workload in [Group] = {
  "issuer": String,
  "subject": String,
  "repository"?: String,
  "ref"?: String,
  "workflow"?: String,
  "environment"?: String,
  "actor"?: String,
};

// What is asked for.
entity Server = {
  // npm, pypi, image, file, …
  "kind": String,
  "package": String,
  "version"?: String,
  // Digest of what runs.
  "identity": String,
  "isolation": String,
  "writes": Set<String>,
  "hosts": Set<String>,
};
entity Tool in [Server] = {
  "server": Server,
  "name": String,
  // Digest of the pinned definition.
  "definition": String,
  // What the server says of the tool itself: trust it to raise what is asked, never to lower it.
  "saysReadOnly": Bool,
  "saysDestructive": Bool,
};
entity Resource in [Server] = { "server": Server, "uri": String };
entity Prompt in [Server] = { "server": Server, "name": String };
entity Method in [Server] = { "server": Server, "name": String };
entity Host in [Server] = { "server": Server, "name": String, "port": Long };
entity Secret in [Server] = { "server": Server, "name": String };

// Texts, numbers and truth values of a call by JSON pointer: context.arguments.getTag("/path"). Paths that the manifest types
// are those that the kernel would find.
entity Arguments tags String;

type Situation = {
  "arguments": Arguments,
  // Directories, and NAME:PORT of hosts, that the call names where the manifest types its arguments, as the kernel would find
  // them; a call in which one cannot be told is refused by whoever looks.
  "paths": Set<String>,
  "hosts": Set<String>,
  // What the server can touch: write, network, variables, model, everything.
  "reach": Set<String>,
  // Rules that found something in the arguments.
  "findings": Set<String>,
  "now": datetime,
  // Of the machine's own time zone; Monday is 1.
  "time": { "hour": Long, "minute": Long, "weekday": Long },
  "ci": Bool,
  "session": String,
  "repository"?: String,
  "ref"?: String,
};

action startServer appliesTo { principal: [User, Workload], resource: [Server], context: Situation };
action callTool appliesTo { principal: [User, Workload], resource: [Tool], context: Situation };
action readResource appliesTo { principal: [User, Workload], resource: [Resource], context: Situation };
action getPrompt appliesTo { principal: [User, Workload], resource: [Prompt], context: Situation };
// A method of an extension, of no specification.
action callMethod appliesTo { principal: [User, Workload], resource: [Method], context: Situation };
// The server asks for the client's model, or for an answer of the user.
action sample, elicit appliesTo { principal: [User, Workload], resource: [Server], context: Situation };
action connectHost appliesTo { principal: [User, Workload], resource: [Host], context: Situation };
action useSecret appliesTo { principal: [User, Workload], resource: [Secret], context: Situation };
// Something else than what was pinned is approved.
action approveChange appliesTo { principal: [User, Workload], resource: [Server, Tool], context: Situation };
`;
