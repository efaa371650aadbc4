/** One table of what is looked for in what a server says; docs/rules.md lists the same, and `explain -` shows each finding. */
import type { Severity } from "../../model.ts";

export interface Rule {
  readonly title: string;
  /** SAFE-MCP techniques, OWASP lists, CWE. */
  readonly source: string;
  /** What a finding does in a definition (tool, prompt, template, instructions), and elsewhere (results, logs, questions). */
  readonly definition: Severity;
  readonly elsewhere: Severity;
}

const rule = (title: string, source: string, definition: Severity, elsewhere: Severity): Rule => ({ title, source, definition, elsewhere });

export const RULES = {
  "order.secrecy": rule("something is to be kept from the person", "SAFE-T1001, OWASP MCP03, LLM01", "hold", "mark"),
  "order.override": rule("the person's or earlier instructions are to be set aside", "SAFE-T1001, OWASP LLM01", "hold", "mark"),
  "order.precedence": rule("this is to come before or in place of everything else", "SAFE-T1001, OWASP MCP03", "hold", "mark"),
  "order.shadowing": rule("other tools are to be used in another way", "SAFE-T1301, OWASP MCP03", "hold", "mark"),
  "order.capture": rule("files, secrets or the conversation are to be passed on", "SAFE-T1910, OWASP LLM02, CWE-200", "hold", "mark"),
  "order.redirect": rule("something is to go to another address", "SAFE-T1301, OWASP MCP03", "hold", "mark"),
  "order.authority": rule("the text claims another's authority", "SAFE-T1001, OWASP LLM01", "hold", "mark"),
  "order.pretext": rule("a reason is given for something unusual", "SAFE-T1001", "hold", "mark"),
  "order.insistence": rule("the text insists", "SAFE-T1001", "hold", "mark"),
  "order.likely": rule("it reads like definitions that were poisoned, by all of its words; told only, where less sure", "SAFE-T1001, OWASP MCP03", "hold", "note"),
  "encoded.order": rule("an order stands there encoded", "SAFE-T1402, OWASP LLM01, CWE-506", "hold", "mark"),
  "encoded.prose": rule("whole sentences stand there encoded", "SAFE-T1402, CWE-506", "hold", "note"),
  "encoded.text": rule("readable text stands there encoded", "SAFE-T1402", "note", "note"),
  "hidden.tags": rule("text in tag characters, which nothing shows", "SAFE-T1402, CWE-1007", "hold", "mask"),
  "hidden.selectors": rule("variation selectors that select nothing", "SAFE-T1402, CWE-1007", "hold", "mask"),
  "hidden.zero-width": rule("characters without width; a single soft hyphen, byte order mark or break between words is noted only", "SAFE-T1402, CWE-1007", "hold", "mask"),
  "hidden.bidi": rule("the text is shown in another order than it is read", "CVE-2021-42574, CWE-1007", "hold", "mask"),
  "hidden.terminal": rule("control sequences of terminals", "CWE-150", "hold", "mask"),
  "hidden.private-use": rule("characters without a meaning of their own", "CWE-1007", "note", "note"),
  "hidden.comment": rule("a comment, which renderers do not show", "SAFE-T1402, OWASP LLM01", "hold", "mark"),
  "hidden.style": rule("an element that is not shown", "SAFE-T1402, OWASP LLM01", "hold", "mark"),
  "hidden.padding": rule("text far behind blanks", "SAFE-T1402", "hold", "note"),
  "exfiltration.image": rule("an image whose address carries data out", "OWASP LLM02, CWE-200", "hold", "mark"),
  "exfiltration.link": rule("an address to be filled with data", "OWASP LLM02, CWE-200", "note", "note"),
  "secret.known": rule("a secret, known by its form", "CWE-798, CWE-200, OWASP MCP01", "hold", "mask"),
  "secret.likely": rule("a value that looks like a secret", "CWE-798, CWE-200, OWASP MCP01", "note", "mask"),
  "name.look-alike": rule("a name that looks like another", "CWE-1007, SAFE-T1301", "hold", "note"),
  "name.shared": rule("another server has a tool of this name", "SAFE-T1301", "note", "note"),
  "name.asking": rule("a parameter asks by its name for what only the model or the person knows", "SAFE-T1910", "note", "note"),
  "schema.prose": rule("a default or choice is a sentence", "SAFE-T1001, OWASP MCP03", "hold", "note"),
  "schema.unfit": rule("the schema cannot be applied safely", "CWE-400", "note", "note"),
} as const satisfies Record<string, Rule>;

export type RuleId = keyof typeof RULES;
