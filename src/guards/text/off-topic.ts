/**
 * A definition speaks of what its tool does. One that reaches for things that are none of its business (the conversation,
 * credentials, the machine's files, other tools, what the person is told) gives itself away, however politely it asks. Its
 * business is what its name, title and first sentence say.
 */
import { looksForeign } from "./foreign.ts";
import type { RuleId } from "./rules.ts";

export interface OffTopic {
  readonly rule: RuleId;
  readonly at: string;
  readonly range: readonly [number, number];
  readonly evidence: string;
}

interface Matter {
  readonly rule: RuleId;
  /** Where these words stand in the topic, the tool deals with the matter by trade. */
  readonly trade: RegExp;
  /** The matter itself. */
  readonly named: RegExp;
  /** What is done with it; beside the matter in one sentence it is an order; alone, the matter is nobody's concern. */
  readonly done: RegExp;
}

const GIVEN = /\b(?:send|sent|forward|pass(?:ed|es|ing)?\b|provid|includ|attach|append|past(?:e|ed|ing)|insert|embed|put|plac|suppl|submit|upload|copy|copied|post|transmit|shar|add|fill|store|enter|report|export|mirror|hand|file[ds]?\b|accompan|gather|collect|retriev|fetch|read|locat|take[ns]?|give[ns]?|carr(?:y|ied)|deliver|goes? to|deposit|quot|list|record|log|use[ds]? (?:it|them|as)|come[s]? with|surrender|disclos|reproduc|repeat|restat|draw|load|open|scan|inspect|dump|print(?:ed|s)?\b|echo)/i;

const MATTERS: readonly Matter[] = [
  {
    rule: "order.capture",
    trade: /\b(?:conversation|chat|messag|dialog|transcript|prompt|llm|completion|token|model|assistant|agent|memor|thread|slack|mail|think|thought|reason|context|session|translat|summar|feedback|convers|discuss|meeting|recap)/i,
    named: /\b(?:(?:the |this |our |your |whole |full |entire |complete |previous |earlier |prior |past )*(?:conversation|chat|dialogue|transcript)s?\b(?!(?: |_)?(?:ids?|urls?|names?|links?|types?)\b)|(?:user|person|chat|conversation)(?:'s)? (?:messages?|prompts?|turns?|wording)|(?:earlier|previous|prior|past|all) (?:turns|messages|prompts|answers|replies)|messages? (?:list|history|so far|that led|above)|system (?:prompt|message)|hidden instructions|instructions (?:you|it) (?:were|was|have)|what (?:has been|was) (?:said|discussed|written|typed|asked)|(?:the )?(?:person|user|human) (?:has |have )?(?:said|shared|pasted|typed|wrote|written|told|mentioned)|this session|whole session|tools? you (?:ran|used|called|have)|discussed (?:up|so|until|before))/i,
    done: GIVEN,
  },
  {
    rule: "order.capture",
    trade: /\b(?:credential|secret|token|password|passphrase|keys?\b|vault|login|auth|sign|certificate|ssh|env\b|environment|config|dotenv|wallet|cookie|encrypt|decrypt|jwt|oauth|rotate|redact|scan|audit|security|leak|session)/i,
    named: /\b(?:api keys?|access (?:token|key)s?|(?<!(?:cursor|page|paging|pagination|next|continuation|sync|usage|input|output|max|of) )tokens?\b(?! (?:usage|count|limit|budget|used|cost))|(?:passwords?|passphrases?|credentials|private keys?|ssh keys?|secret keys?|card numbers?|cvv|seed phrases?|session cookies?|cookies)\b|\bsecrets\b|keys? (?:stored|found|for (?:openai|aws|anthropic|google|stripe))|password (?:vault|manager)|keychain|(?<![{$])\b[A-Z][A-Z0-9]*_(?:API_)?(?:KEY|TOKEN|SECRET|PASSWORD)|(?<=\band )pin)\b/i,
    done: /\b(?:stored|saved|kept|found|held|exists?|available|whichever|contents?|values?|text) (?:in|on|of|from|at|by|for)\b|\bfrom (?:the )?(?:user|person|host|machine|client|system|environment|browser|keychain|settings|config\w*|ci|disk)|\b(?:on|of|from) (?:this|the|your) (?:host|machine|computer|laptop|system|device)|\bcollect|\bgather|\blocate\b|\bretriev|\bcopy\b|\bsend|\bforward|\bupload|\breport(?:ed)?\b|\battach|\bplace\b|\bput\b|\btake\b/i,
  },
  {
    rule: "order.capture",
    trade: /\b(?:file|director|folder|path|disk|shell|command|terminal|environment|env\b|config|dotenv|ssh|git|home|system|process|host|machine|install|setup|kube|docker|aws|cloud|scan|audit|secret|credential|key|backup|log|read|search|grep)/i,
    named: /~\/|\/etc\/|\/proc\/|\/root\b|\/home\/|%appdata%|\$HOME|\.(?:env|ssh|aws|npmrc|netrc|pem|kube)\b|id_rsa|id_ed25519|\bprintenv\b|\benv(?:ironment)? variables?\b|\bhome director|\b(?:client|claude|cursor|mcp)(?:_desktop)?_? ?config|\bbash_history|\bshell history|\bconfiguration file|\bclipboard|\bbrowser (?:history|profile)/i,
    done: GIVEN,
  },
  {
    rule: "order.capture",
    trade: /\b(?:passport|identity|id card|kyc|bank|statement|medical|patient|health|diagnos|salary|hr\b|inbox|mail|contact|address book|profile|personal|finance|person|customer|user|crm|photo|document|calendar)/i,
    named: /\b(?:passport|id card|identity card|driving licen[cs]e|bank statements?|medical records?|diagnos[ei]s|payslips?|salary|(?:last|recent|latest) \w+ (?:mails|e-?mails|messages)|inbox|address book|contact list|everything you know|known to you|(?:user|person)'s (?:employer|full name|home address|location|date of birth|finances|health|documents|files|mail)|browsing history|medication)\b/i,
    done: GIVEN,
  },
  {
    rule: "order.shadowing",
    trade: /\b(?:tools?|router?|broker|orchestrat|gateway|proxy|mcp|plugin|connector|workflow|agent|plan|server)/i,
    named: /\b(?:other|another|remaining|connected|built-?in|different|any|each|all|every|the (?:\w+ )?server's|these|those|same) (?:\w+ ){0,2}(?:tools?|servers?|connectors?|providers?|integrations?|plugins?|functions?)\b|\btools? (?:from|of|belonging|provided|offered|by|on) (?:other|another|different|the)|\b(?:the )?`?[a-z]+_[a-z_]+`? (?:tool|function|operation)s?\b|\bthe \w+ (?:server|connector)'s\b|\b(?:through|by|via|with|its) (?:the )?`?[a-z]+_[a-z_]+`? (?:output|result|call|command|tool)|\bmade through \w+_\w+/i,
    done: /\b(?:must|should|have to|has to|need(?:s)? (?:to|no)|shall|are to|is to|expect|instead|rather than|deprecat|replac|no longer|out of date|unreliable|round|rewrit|treat|skip|add|carry|copy|pass|forward|route[ds]?|redirect|go(?:es)? to|prior to|ahead of|before|after|afterwards|run through|wrap|hand|bcc|cc|outrank|override|supersede|rel(?:y|ies) on|draw on)\b/i,
  },
];

/** What must not be done is no order to do it. */
const REFUSED = /\b(?:do not|don't|never|must not|should not|cannot|can't|avoid|without) (?:\w+ ){0,2}(?:log|print|show|display|pass|include|share|store|send|paste|expose|put|repeat|write|copy|commit|return|echo|provide|enter)/i;

/** What is told to the person, refused or taken out is no way out of the machine. */
const HARMLESS = /\b(?:warn|alert|inform|tell|ask|show|report|explain|present)\b[^.]*\b(?:the )?users?\b|\b(?:are|is|be|gets?) (?:rejected|refused|blocked|ignored|redacted|masked|stripped|removed|hidden|never)\b|\b(?:remove|redact|mask|strip)\b/i;

/** Words of the tool's own name, and names of its own server's tools, mean the server itself. */
export function isOwn(text: string, own: ReadonlySet<string>, name: string): boolean {
  if ([...own].some((tool) => text.includes(tool))) return true;
  const words = new Set(name.toLowerCase().split(/[^a-z0-9]+|(?<=[a-z])(?=[A-Z])/).filter((word) => word.length >= 4));
  return text.toLowerCase().split(/[^a-z0-9]+/).some((word) => words.has(word));
}

/** Whether a tool deals with credentials, or with files, by trade. */
export function tradesIn(topic: string): boolean {
  return MATTERS.slice(1, 3).some(({ trade }) => trade.test(topic));
}

/** Whether a topic is talk itself: a tool that keeps conversations may ask for one. */
export function tradesInTalk(topic: string): boolean {
  return (MATTERS[0] as Matter).trade.test(topic);
}

/** What the tool does: the names of files and versions end no sentence. */
export function firstSentence(text: string): string {
  return /^[^\n]*?(?:[.!?](?=\s|$)|(?=\n)|$)/.exec(text)?.[0] ?? "";
}

/** Where a definition is silent about what it is for, nothing is off its topic. */
export function offTopic(value: unknown, own: ReadonlySet<string>): OffTopic[] {
  if (typeof value !== "object" || value === null) return [];
  const { name = "", title = "", description = "", inputSchema } = value as { name?: unknown; title?: unknown; description?: unknown; inputSchema?: unknown };
  if (typeof description !== "string") return [];
  const first = firstSentence(description);
  const topic = `${String(name).replaceAll(/[_-]|(?<=[a-z])(?=[A-Z])/g, " ")} ${String(title)} ${first}`;
  const found: OffTopic[] = [];
  if (looksForeign(description)) return [];
  const look = (text: string, at: string, offset: number, parameter: boolean): void => {
    let from = offset;
    for (const sentence of text.split(/(?<=[.!?;:])\s+|\n+/)) {
      const start = text.indexOf(sentence, from - offset) + offset;
      from = start + sentence.length;
      for (const { rule, trade, named, done } of MATTERS) {
        const match = named.exec(sentence);
        if (match === null || trade.test(topic) || isOwn(match[0], own, String(name)) || isOwn(sentence, own, "") || REFUSED.test(sentence) || HARMLESS.test(sentence) || /\b(?:of|in|from|on) (?:this|our|the same) (?:server|package|plugin)\b/i.test(sentence)) continue;
        // A parameter that asks for a matter needs no verb: it is there to be filled.
        if (done.test(sentence) || (parameter && rule === "order.capture" && (trade !== MATTERS[1]?.trade || /[A-Z]_(?:KEY|TOKEN|SECRET)/.test(sentence)))) found.push({ rule, at, range: [start, start + sentence.length], evidence: sentence });
      }
    }
  };
  look(description.slice(first.length), "/description", first.length, false);
  parameters(inputSchema, "/inputSchema", 0, (text, at) => look(text, at, 0, true));
  return found;
}

function parameters(schema: unknown, at: string, depth: number, visit: (text: string, at: string) => void): void {
  if (typeof schema !== "object" || schema === null || depth > 8) return;
  for (const [key, property] of Object.entries((schema as { properties?: object }).properties ?? {})) {
    const here = `${at}/properties/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const { description, type } = (property ?? {}) as { description?: unknown; type?: unknown };
    // A number or a yes carries nothing out.
    if (typeof description === "string" && !["boolean", "integer", "number"].includes(type as string)) visit(description, `${here}/description`);
    parameters(property, here, depth + 1, visit);
  }
}
