/** What a session's table is kept from: other owners, and SQL that would leave it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { InProcessCaller } from '../src/client/in-process-caller.js';
import { systemIds } from '../src/core/system.js';
import type { EngineDefinition } from '../src/types/engine.js';
import { isSojournError } from '../src/types/errors.js';
import { dataDefinition } from './support/data-world.js';
import { openDataDoors } from './support/data-doors.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { openWorld } from './support/world.js';

describe('requests to tables', () => {
  it('of another owner find no session by any operation, nor join with it', async () => {
    const folder = await temporaryFolder('tenants');
    await mkdir(join(folder, 'scratch'));
    const engine = (await dataDefinition(folder)) as unknown as EngineDefinition;
    const world = await openWorld({ engines: [engine] });
    const callerOf = (name: string) =>
      new InProcessCaller(world.catalogue, { id: name, access: 'write' }, systemIds, () => Promise.resolve());
    const [ada, eve] = [callerOf('ada'), callerOf('eve')];
    const codeOf = (work: Promise<unknown>) =>
      work.then(
        (answer) => answer,
        (error: unknown) => (isSojournError(error) ? error.code : error),
      );
    try {
      await ada.call('create_session', { kind: 'data', session_id: 'hers', data: [{ a: 'secret' }] });
      await eve.call('create_session', { kind: 'data', session_id: 'own', data: [{ a: 'secret' }] });
      const names = (engine.operations ?? []).map(({ name }) => name);
      const params = {
        column: 'a',
        columns: ['a'],
        index: 0,
        value: 'x',
        text: 'secret',
        by: 'a',
        query: 'SELECT 1',
      };
      for (const name of [
        ...names,
        'get_session',
        'delete_session',
        'undo',
        'redo',
        'fork',
        'hibernate',
        'get_events',
      ])
        expect(await codeOf(eve.call(name, { session_id: 'hers', ...params })), name).to.be.oneOf([
          'session_not_found',
          'invalid_params',
          'operation_not_found',
        ]);
      expect(await codeOf(eve.call('get_slice', { session_id: 'hers' }))).to.equal('session_not_found');
      expect(await codeOf(eve.call('get_column', { session_id: 'hers', column: 'a' }))).to.equal(
        'session_not_found',
      );
      const join = eve.call('join', { session_id: 'own', other_session_id: 'hers' });
      expect(await codeOf(join)).to.equal('session_not_found');
      expect(await ada.call('get_value', { session_id: 'hers', index: 0, column: 'a' })).to.deep.equal({
        value: 'secret',
      });
    } finally {
      await world.close();
      await engine.dispose?.();
    }
  });

  it('of SQL that would read, write or change anything else are refused', async () => {
    const doors = await openDataDoors();
    const { body: made } = await doors.native('POST', '/sessions', { kind: 'data', data: [{ n: 1 }] });
    const asked = (query: string) =>
      doors.native('POST', `/sessions/${String(made.session_id)}/sql`, { query });
    for (const query of [
      'SELECT 1; SELECT 2',
      'DROP TABLE data',
      'CREATE TABLE x AS SELECT 1',
      'INSERT INTO data VALUES (1)',
      "COPY data TO '/tmp/x.csv'",
      "ATTACH '/tmp/x.db'",
      "SELECT * FROM read_csv('/etc/passwd')",
      "SELECT * FROM '/etc/passwd'",
      "SELECT read_text('/etc/passwd')",
      'SELECT * FROM duckdb_settings()',
      'SELECT * FROM information_schema.tables',
      'SELECT * FROM sqlite_master',
      "SELECT getenv('HOME')",
      'PRAGMA database_list',
      "SET memory_limit = '1TB'",
      'INSTALL httpfs',
      'LOAD httpfs',
      'SELECT * FROM s1',
      "SELECT * FROM query('SELECT 1')",
      "SELECT * FROM glob('/**')",
      'WITH data AS (SELECT * FROM s1) SELECT * FROM data',
      'EXPLAIN ANALYZE SELECT 1',
      'CALL pragma_version()',
      'SELECT * FROM data AT (VERSION => 1)',
      '',
      ' ',
      '\0',
      "SELECT '",
    ]) {
      const { status, body } = await asked(query);
      expect(status, `${query}: ${JSON.stringify(body).slice(0, 300)}`).to.be.oneOf([400, 422]);
    }
    await doors.close();
  });
});
