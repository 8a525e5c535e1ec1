/** The other form of an answer: what the member that holds it may be, as bytes and as the text that JSON can say. */
import { SojournError } from './errors.js';
import type { ByteStream } from './files.js';
import type { MediaForm } from './operation.js';

/** What is longer is not made into one text: it goes as bytes, a piece at a time. */
export const mediaTextBytesMax = 64 * 1024 ** 2;

export const isByteStream = (value: unknown): value is ByteStream =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

/** @throws a plain Error when the answer has no such form: that is a mistake in the program */
export function mediaContent(answer: unknown, { member, text = false }: MediaForm): Uint8Array | ByteStream {
  const content = memberOf(answer, member);
  if (typeof content === 'string') return Buffer.from(content, text ? 'utf8' : 'base64');
  if (content instanceof Uint8Array || isByteStream(content)) return content;
  throw new Error(`the answer has no '${member}'`);
}

/** The answer as JSON says it: bytes are text in base64. @throws limit_exceeded for more bytes than fit a text */
export async function withTextForBytes(answer: unknown, { type, member }: MediaForm): Promise<unknown> {
  const content = memberOf(answer, member);
  if (!(content instanceof Uint8Array) && !isByteStream(content)) return answer;
  const bytes = content instanceof Uint8Array ? content : await collected(content, type);
  return { ...Object(answer), [member]: Buffer.from(bytes).toString('base64') } as unknown;
}

const memberOf = (answer: unknown, member: string): unknown =>
  typeof answer === 'object' && answer !== null ? Reflect.get(answer, member) : undefined;

async function collected(stream: ByteStream, type: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of stream) {
    pieces.push(piece);
    size += piece.length;
    if (size <= mediaTextBytesMax) continue;
    const detail = `The answer has more than ${mediaTextBytesMax} bytes, too many for JSON; accept ${type}.`;
    throw new SojournError('limit_exceeded', detail, { accept: type });
  }
  return Buffer.concat(pieces);
}
