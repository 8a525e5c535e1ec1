/** Puts the Python engine through the contract that every engine keeps. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describeEngineContract } from '../src/contracts/engine.js';
import { systemIds } from '../src/core/system.js';
import { needs } from './support/needs.js';
import { PythonWorld } from './support/python-world.js';

describe('the Python engine', () => {
  before(async function () {
    await needs.python(this);
  });

  describeEngineContract('Python', async () => {
    const world = await PythonWorld.open();
    return {
      definition: world.definition,
      sample: {
        change: 'x = [1]',
        changeAgain: 'x.append(2)',
        show: `globals().get('x')`,
        shown: { fresh: '', one: '[1]', two: '[1, 2]' },
        fails: 'raise ValueError(1)',
        endless: {
          code: `import time\nwhile True:\n    print('going', flush=True)\n    time.sleep(0.01)`,
          text: 'going',
        },
      },
      workspace: async () => {
        const folder = join(world.folder, systemIds.uid());
        await mkdir(folder);
        return folder;
      },
      close: () => world.close(),
    };
  });
});
