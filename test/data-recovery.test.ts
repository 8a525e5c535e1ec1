/** What recovery makes of tables whose sources lie in the workspace, have changed, or are gone. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { EngineDefinition } from '../src/types/engine.js';
import { dataDefinition } from './support/data-world.js';
import { codeOf } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

describe('a table after the end of the server', () => {
  let folder: string;
  let world: World;

  const open = async (before?: World) => {
    const engines = [(await dataDefinition(folder)) as unknown as EngineDefinition];
    const rest = before ? { store: before.store, dataDir: before.dataDir } : {};
    return openWorld({ engines, ...rest });
  };
  const restarted = async () => {
    await world.crash();
    world = await open(world);
  };
  const source = (name: string) => ({ dataSource: { type: 'csv', filename: name, directory: folder } });
  const values = async (id: string) => (await world.client.session(id).getColumn('v')).values;

  beforeEach(async () => {
    folder = await temporaryFolder('recovery');
    world = await open();
  });
  afterEach(() => world.close());

  it('is there as a fork that had no checkpoint of its own', async () => {
    const parent = await world.client.createSession({ data: { v: [1, 2, 3] }, sessionId: 'parent' });
    const child = await parent.fork('child');
    await child.setValues([{ index: 0, column: 'v', value: 9 }]);
    await restarted();
    expect(await values('child')).to.deep.equal([9, 2, 3]);
    expect(await values('parent')).to.deep.equal([1, 2, 3]);
  });

  it('has its first change, although its source changed or went at once', async () => {
    await writeFile(join(folder, 'a.csv'), 'v\n1\n2\n');
    for (const id of ['changed', 'gone']) {
      const data = await world.client.createSession({ ...source('a.csv'), sessionId: id });
      await data.setValues([{ index: 0, column: 'v', value: 77 }]);
    }
    await writeFile(join(folder, 'a.csv'), 'v\n5\n');
    await restarted();
    expect(await values('changed')).to.deep.equal([77, 2]);
    await rm(join(folder, 'a.csv'));
    expect(await values('gone')).to.deep.equal([77, 2]);
  });

  it('is not given up by a restart that finds no source to begin with', async () => {
    await writeFile(join(folder, 'a.csv'), 'v\n1\n');
    const data = await world.client.createSession({ ...source('a.csv'), sessionId: 'a' });
    await data.setValues([{ index: 0, column: 'v', value: 9 }]);
    await rm(join(folder, 'a.csv'));
    expect(await codeOf(data.restart())).to.equal('interface_invalid');
    expect(await values('a')).to.deep.equal([9]);
    await writeFile(join(folder, 'a.csv'), 'v\n1\n');
    await data.restart();
    expect(await values('a')).to.deep.equal([1]);
  });
});
