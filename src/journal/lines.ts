/** Reads a journal file line by line with its byte positions, in constant memory. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { FrameSplitter } from "../protocol/frame.ts";

export interface Line {
  readonly bytes: Buffer;
  /** Position of its first byte. */
  readonly at: number;
  /** False for a last line without newline. */
  readonly whole: boolean;
}

const CHUNK = 1024 * 1024;
/** A record of the longest frame, as base64, and its head. */
const LINE_LIMIT = 512 * 1024 * 1024;

/** Throws where there is no regular file: a named pipe laid in its place would be waited for without end. */
export function* readLines(file: string): Generator<Line> {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(descriptor).isFile()) throw new Error("it is not a file");
    const found: Buffer[] = [];
    const splitter = new FrameSplitter({ frame: ({ bytes }) => found.push(bytes), fragment: ({ bytes }) => found.push(bytes) }, LINE_LIMIT);
    let size = 0;
    let at = 0;
    for (let read = -1; read !== 0; ) {
      const chunk = Buffer.alloc(CHUNK);
      read = readSync(descriptor, chunk, 0, CHUNK, null);
      size += read;
      if (read > 0) splitter.push(chunk.subarray(0, read));
      else splitter.end();
      for (const bytes of found.splice(0)) {
        yield { bytes, at, whole: at + bytes.length < size };
        at += bytes.length + 1;
      }
    }
  } finally {
    closeSync(descriptor);
  }
}
