/** The table `answers`: what the server said to writes that can be sent again. */
import type { IdempotentAnswer } from '../../types/store.js';
import { decodeAnswer, encodeAnswer, searchable } from './rows.js';
import type { AnswerRow } from './rows.js';
import type { Db } from './schema.js';

export class Answers {
  private readonly statements;

  constructor(db: Db) {
    this.statements = {
      get: db.prepare<[string, string], AnswerRow>(
        'SELECT created_at,body,crc FROM answers WHERE principal=? AND key=?',
      ),
      put: db.prepare<[string, string, string, string, number]>(
        'INSERT OR REPLACE INTO answers(principal,key,created_at,body,crc) VALUES(?,?,?,?,?)',
      ),
      prune: db.prepare<[string]>('DELETE FROM answers WHERE created_at<?'),
    };
  }

  /** @throws storage_error, damaged */
  get(principal: string, key: string): IdempotentAnswer | null {
    const row = this.statements.get.get(searchable(principal), searchable(key));
    return row ? decodeAnswer(nameOf(principal, key), row) : null;
  }

  /** @returns bytes written */
  put(principal: string, key: string, answer: IdempotentAnswer): number {
    const { created_at, body, crc } = encodeAnswer(nameOf(principal, key), answer);
    this.statements.put.run(searchable(principal), searchable(key), created_at, body, crc);
    return body.length;
  }

  prune(before: string): void {
    this.statements.prune.run(before);
  }
}

const nameOf = (principal: string, key: string): string => JSON.stringify([principal, key]);
