/** Forks of tables at a former version. */
import { expect } from 'chai';
import type { EngineDefinition } from '../src/types/engine.js';
import { dataDefinition } from './support/data-world.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { openWorld } from './support/world.js';

describe('a fork of a table in the past', () => {
  it('has the version of that place, and the source keeps its own', async () => {
    const engines = [(await dataDefinition(await temporaryFolder())) as unknown as EngineDefinition];
    const world = await openWorld({ engines });
    const table = await world.client.createSession({ data: { v: [3, 1, 2] } });
    const { seq } = await table.sort('v');
    await table.setValues([{ index: 0, column: 'v', value: 9 }]);
    const values = async (session: typeof table) => (await session.getColumn('v')).values;
    const early = await table.fork('early', { atSeq: seq });
    expect(early).to.include({ exact: true, reachedSeq: seq });
    expect(await values(early)).to.deep.equal([1, 2, 3]);
    await early.undo();
    expect((await values(table)).includes(9)).to.equal(true);
    await world.close();
  });
});
