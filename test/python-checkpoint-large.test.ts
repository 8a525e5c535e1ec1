/** Checkpoints of large values, and what the copy that writes one leaves with its kernel. */
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { needs } from './support/needs.js';
import { pythonSuite } from './support/python-world.js';

describe('a Python checkpoint of large values', () => {
  const suite = pythonSuite();

  it('keeps large arrays and frames wherever they are', async function () {
    await needs.pythonModule(this, 'pandas');
    const session = await suite.world.session();
    await session.run(`import numpy as np, pandas as pd
box = {'c': np.arange(50_000.0), 'fortran': np.asfortranarray(np.arange(90_000).reshape(300, 300))}
view = box['c'][::2]; raw = bytearray(b'x' * 200_000)
frame = pd.DataFrame({'a': np.arange(50_000), 'b': np.arange(50_000) / 2, 'c': ['text'] * 50_000})`);
    const saved = await session.save();
    expect(saved.content.not_kept).to.deep.equal([]);
    const sums = `[float(box['c'].sum()), int(box['fortran'][:, 7].sum()), float(view.sum()), len(raw),
 int(frame.a.sum()), float(frame.b.sum()), int((frame.c == 'text').sum()), box['fortran'].flags.f_contiguous]`;
    const fresh = await suite.world.session();
    await fresh.restore(saved);
    expect(await fresh.value(sums)).to.equal(await session.value(sums));
  });

  it('leaves no zombie with a session that is asked nothing more', async function () {
    needs.linux(this);
    const session = await suite.world.session();
    const pid = await session.value('import os; os.getpid()');
    await session.save();
    const children = () => readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    while ((await children()) !== '') await new Promise((resolve) => setImmediate(resolve));
    expect(session.deaths).to.deep.equal([]);
  });
});
