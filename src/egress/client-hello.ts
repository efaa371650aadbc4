/** The server name in a TLS ClientHello (RFC 8446, section 4.1.2; RFC 6066, section 3), read strictly and without decrypting anything. */

/** More than any client sends, keys of post-quantum algorithms included. */
const MAX_HELLO = 32 * 1024;
const MAX_RECORDS = 16;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;

/** Undefined while it is not whole; null where it names none. Throws RangeError where it is no ClientHello. */
export function serverNameOf(bytes: Buffer): string | null | undefined {
  const handshake = gather(bytes);
  if (handshake === null) return undefined;
  const reader = new Reader(handshake);
  reader.skip(2 + 32);
  reader.vector(1);
  reader.vector(2);
  reader.vector(1);
  if (reader.left === 0) return null;
  const extensions = new Reader(reader.vector(2));
  if (reader.left > 0) throw new RangeError("bytes behind the extensions");
  let name: string | null = null;
  const seen = new Set<number>();
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    if (seen.has(type)) throw new RangeError("an extension twice");
    seen.add(type);
    if (type === SERVER_NAME) name = hostName(new Reader(body));
  }
  return name;
}

/** Puts the records together that the message is cut into; null while one is missing. */
function gather(bytes: Buffer): Buffer | null {
  const parts: Buffer[] = [];
  let at = 0;
  let have = 0;
  for (let records = 0; at + 5 <= bytes.length; records += 1) {
    const length = bytes.readUInt16BE(at + 3);
    if (bytes[at] !== HANDSHAKE || bytes[at + 1] !== 3 || length === 0 || length > 1 << 14) throw new RangeError("no handshake");
    if (records >= MAX_RECORDS) throw new RangeError("a ClientHello in too many pieces");
    const part = bytes.subarray(at + 5, at + 5 + length);
    parts.push(part);
    have += part.length;
    at += 5 + length;
    if (part.length < length || have < 4) continue;
    const size = have >= 4 ? Buffer.concat(parts.map((one) => one.subarray(0, 4))).readUIntBE(1, 3) : 0;
    if (parts[0]?.[0] !== CLIENT_HELLO || size > MAX_HELLO) throw new RangeError("no ClientHello");
    if (have >= 4 + size) return Buffer.concat(parts).subarray(4, 4 + size);
  }
  if (bytes.length > 2 * MAX_HELLO) throw new RangeError("no end of the ClientHello");
  return null;
}

/** A list of one name: more than one, or another kind, would be read differently by different servers. */
function hostName(list: Reader): string {
  const names = new Reader(list.vector(2));
  const kind = names.number(1);
  const name = names.vector(2);
  if (kind !== 0 || names.left > 0 || list.left > 0 || name.length === 0 || !/^[\x21-\x7e]+$/.test(name.toString("latin1"))) throw new RangeError("no single server name");
  return name.toString("latin1").toLowerCase();
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(size: number): number {
    if (this.left < size) throw new RangeError("cut short");
    this.#at += size;
    return this.#bytes.readUIntBE(this.#at - size, size);
  }

  skip(size: number): void {
    if (this.left < size) throw new RangeError("cut short");
    this.#at += size;
  }

  /** Bytes behind their length. */
  vector(lengthSize: number): Buffer {
    const length = this.number(lengthSize);
    this.skip(length);
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
