/**
 * Looks at the bytes of a JSON body before it is parsed: how deeply it is nested and how many values it has. A few
 * megabytes of brackets would keep the parser, and everybody else, busy for seconds.
 */
export interface JsonShape {
  readonly depth: number;
  /** Containers and separators, which is the number of values or more. */
  readonly values: number;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openers = new Set([0x5b, 0x7b]);
const closers = new Set([0x5d, 0x7d]);

/** Stops counting when `maxValues` is passed: more than that is all that has to be known. */
export function jsonShape(body: Uint8Array, maxValues: number): JsonShape {
  let depth = 0;
  let deepest = 0;
  let values = 1;
  for (let at = 0; at < body.length && values <= maxValues; at += 1) {
    const byte = body[at] ?? 0;
    if (byte === quote) at = endOfText(body, at);
    else if (byte === comma) values += 1;
    else if (openers.has(byte)) {
      values += 1;
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (closers.has(byte)) depth -= 1;
  }
  return { depth: deepest, values };
}

/** Where the text that begins at `start` has its closing quote. */
function endOfText(body: Uint8Array, start: number): number {
  for (let end = body.indexOf(quote, start + 1); end !== -1; end = body.indexOf(quote, end + 1)) {
    let escapes = 0;
    while (body[end - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return body.length;
}
