/** The protocol's own keys, by the place they stand in: there, spelling decides what a message means. */

/** Places in a message; `FREE` is everything inside them, where keys belong to the server's tools. */
export const FREE = 0;
export const ENVELOPE = 1;
export const PARAMS = 2;
export const RESULT = 3;
export const META = 4;

/** Values that the decoder keeps: index into its table of spans. */
export const SLOT = { jsonrpc: 0, id: 1, method: 2, params: 3, result: 4, error: 5, requestId: 6, version: 7, resultVersion: 8, resultType: 9, content: 10, name: 11, arguments: 12 } as const;
export const SLOTS = 13;

export interface KnownKey {
  readonly text: string;
  readonly bytes: Buffer;
  /** Where the value's span is kept, or -1. */
  readonly slot: number;
  /** The place that the value is, when it is an object. */
  readonly place: number;
}

export interface Place {
  readonly byHash: ReadonlyMap<number, KnownKey>;
  readonly folded: ReadonlySet<string>;
}

/** Hash of a key's bytes; the decoder computes the same while it scans. */
export function hashKey(bytes: Uint8Array): number {
  let hash = 0;
  for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) | 0;
  return hash;
}

/** Equal under Unicode simple case folding, as Go's `encoding/json` compares keys (CVE-2026-27896): U+017F is s, U+212A is k. */
export function foldKey(key: string): string {
  return key.toUpperCase().toLowerCase();
}

const VERSION = "io.modelcontextprotocol/protocolVersion";

const ENVELOPE_KEYS = "jsonrpc id method params result error";
const PARAMS_KEYS =
  "_meta name arguments uri cursor requestId reason progressToken progress total message level logger data protocolVersion capabilities clientInfo " +
  "ref argument context messages modelPreferences systemPrompt includeContext temperature maxTokens stopSequences metadata tools toolChoice " +
  "mode requestedSchema elicitationId url task taskId inputResponses requestState";
const RESULT_KEYS =
  "_meta resultType protocolVersion supportedVersions capabilities serverInfo instructions tools resources resourceTemplates prompts roots contents content " +
  "structuredContent isError messages description completion nextCursor role model stopReason action inputRequests requestState task tasks taskId status ttlMs cacheScope";
const META_KEYS = `progressToken ${VERSION} io.modelcontextprotocol/clientCapabilities io.modelcontextprotocol/clientInfo io.modelcontextprotocol/logLevel io.modelcontextprotocol/subscriptionId`;

export const PLACES: readonly (Place | null)[] = [
  null,
  place(ENVELOPE_KEYS, { jsonrpc: SLOT.jsonrpc, id: SLOT.id, method: SLOT.method, params: SLOT.params, result: SLOT.result, error: SLOT.error }, { params: PARAMS, result: RESULT }),
  place(PARAMS_KEYS, { requestId: SLOT.requestId, name: SLOT.name, arguments: SLOT.arguments }, { _meta: META }),
  place(RESULT_KEYS, { protocolVersion: SLOT.resultVersion, resultType: SLOT.resultType, content: SLOT.content }, {}),
  place(META_KEYS, { [VERSION]: SLOT.version }, {}),
];

function place(keys: string, slots: Record<string, number>, places: Record<string, number>): Place {
  const known = keys.split(" ").map((text) => ({ text, bytes: Buffer.from(text), slot: slots[text] ?? -1, place: places[text] ?? FREE }));
  return {
    byHash: new Map(known.map((key) => [hashKey(key.bytes), key])),
    folded: new Set(known.map((key) => foldKey(key.text))),
  };
}
