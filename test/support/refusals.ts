/** Refusals as a client sees them, and a table of another session that must stay as it is whatever was asked. */
import { expect } from 'chai';
import type { Answered, DataDoors } from './data-doors.js';

/** That it was refused with this code, in words that hold all of these; gives the words. */
export function refusedAs(
  answer: Answered,
  status: number,
  code: string,
  ...words: (string | RegExp)[]
): string {
  const detail = String(answer.body.detail);
  expect([answer.status, answer.body.code], JSON.stringify(answer.body).slice(0, 500)).to.deep.equal([
    status,
    code,
  ]);
  for (const word of words) {
    if (typeof word === 'string') expect(detail).to.include(word);
    else expect(detail).to.match(word);
  }
  expect(detail.length, detail.slice(0, 200)).to.be.below(6000);
  return detail;
}

export interface Witness {
  /** The server goes on, and the session has what it had. */
  unharmed(): Promise<void>;
}

export async function witnessed(doors: DataDoors): Promise<Witness> {
  const data = [
    { a: 1, b: 'one' },
    { a: 2, b: null },
  ];
  const { body } = await doors.native('POST', '/sessions', { kind: 'data', data });
  const id = String(body.session_id);
  return {
    unharmed: async () => {
      expect((await doors.native('GET', '/health')).status).to.equal(200);
      expect((await doors.ask(id, 'get_slice')).records).to.deep.equal(data);
      expect((await doors.ask(id, 'get_stats', { column: 'a' })).sum).to.equal(3);
    },
  };
}
