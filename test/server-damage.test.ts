import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import { isSojournError } from '../src/types/errors.js';
import { needs } from './support/needs.js';
import { startServerProcess } from './support/server-process.js';
import type { ServerProcess } from './support/server-process.js';
import { temporaryFolder } from './support/temporary-folder.js';

const connect = ({ url, token }: ServerProcess) => new Sojourn(new HttpCaller({ url, token, retries: 0 }));

/** Files of checkpoint parts, largest first. */
async function parts(dataDir: string): Promise<string[]> {
  const names = await readdir(join(dataDir, 'parts'), { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sized = await Promise.all(files.map(async (path) => ({ path, size: (await stat(path)).size })));
  return sized.sort((a, b) => b.size - a.size).map(({ path }) => path);
}

describe('a server that finds damaged data', function () {
  this.timeout(60_000);
  before(function () {
    return needs.python(this);
  });

  /** Two sessions, one of which has the largest part; then `damage`, and a server that meets it. */
  async function afterDamage(saved: boolean, damage: (dataDir: string) => Promise<void> | void) {
    const dataDir = join(await temporaryFolder(), 'data');
    const first = await startServerProcess(dataDir);
    const before = connect(first);
    await (await before.createSession({ sessionId: 'hurt' })).execute('x = list(range(10_000))');
    await (await before.createSession({ sessionId: 'whole' })).execute('y = 7');
    if (saved) await before.session('hurt').save();
    await before.close();
    await first.kill();
    await damage(dataDir);
    const server = await startServerProcess(dataDir);
    return { dataDir, server, client: connect(server) };
  }

  for (const [label, saved, damage] of [
    ['a part was cut short', true, async (dataDir: string) => truncate((await parts(dataDir))[0] ?? '', 100)],
    [
      'a line of its journal was changed',
      false,
      (dataDir: string) => {
        const database = new Database(join(dataDir, 'sojourn.db'));
        const changed = database
          .prepare(
            `UPDATE journal SET body = replace(body, '10_000', '10_001')
             WHERE session_key = (SELECT session_key FROM sessions WHERE session_id = 'hurt')`,
          )
          .run();
        expect(changed.changes).to.be.greaterThan(0);
        database.close();
      },
    ],
  ] as const) {
    it(`sets one session aside when ${label}, keeps its files and serves all others`, async () => {
      const { dataDir, server, client } = await afterDamage(saved, damage);
      try {
        const kept = (await parts(dataDir)).length;
        const error: unknown = await client
          .session('hurt')
          .execute('sum(x)')
          .catch((caught: unknown) => caught);
        expect(isSojournError(error, 'storage_error')).to.equal(true);
        const info = await client.session('hurt').info();
        expect(info.status).to.equal('failed');
        expect(info.error?.code).to.equal('storage_error');
        expect(info.error?.detail).to.be.a('string').with.length.greaterThan(10);
        expect((await client.session('whole').execute('y')).output).to.equal('7\n');
        const failed = await client.listSessions({ status: 'failed' });
        expect(failed.sessions.map(({ sessionId }) => sessionId)).to.deep.equal(['hurt']);
        expect((await parts(dataDir)).length).to.be.at.least(kept);
      } finally {
        await client.close();
        expect(await server.stop()).to.equal(0);
      }
    });
  }
});
