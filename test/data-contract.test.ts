/** Puts data sessions through the contract that every engine keeps. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeEngineContract } from '../src/contracts/engine.js';
import type { Step } from '../src/contracts/engine.js';
import { systemIds } from '../src/core/system.js';
import { dataDefinition } from './support/data-world.js';
import { temporaryFolder } from './support/temporary-folder.js';

describeEngineContract('Data', async () => {
  const folder = await temporaryFolder('data-contract');
  const definition = await dataDefinition(folder);
  await writeFile(join(folder, 'notes.csv'), 'word,number\nfirst,1\n');
  const step =
    (name: string, params: object): Step =>
    async (engine, context) => {
      const operation = definition.operations?.find((candidate) => candidate.name === name);
      const answer: unknown = await operation?.run(engine as never, operation.params.parse(params), context);
      return JSON.stringify(answer);
    };
  const words = step('get_column', { column: 'word' });
  return {
    definition: definition,
    options: { data_source: { type: 'csv', directory: folder, filename: 'notes.csv' } },
    sample: {
      change: step('append_rows', { rows: [{ word: 'second' }] }),
      changeAgain: step('append_rows', { rows: [{ word: 'third' }] }),
      show: async (engine, context) => {
        const { values } = JSON.parse(
          String(await (words as (...args: unknown[]) => Promise<unknown>)(engine, context)),
        ) as {
          values: string[];
        };
        return values.join(' ');
      },
      shown: { fresh: 'first', one: 'first second', two: 'first second third' },
    },
    workspace: async () => {
      const workspace = join(folder, 'family', systemIds.uid());
      await mkdir(workspace, { recursive: true });
      return workspace;
    },
  };
});
