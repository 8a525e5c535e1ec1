/** Checkpoints of very many variables: few parts, and still little to write again. */
import { expect } from 'chai';
import { pythonSuite } from './support/python-world.js';

describe('a Python checkpoint of many variables', () => {
  const suite = pythonSuite();

  it('packs many small variables into few parts, of which one change rewrites one', async () => {
    const session = await suite.world.session();
    await session.run(
      `for i in range(1000): globals()['v%d' % i] = [i]\nbig = 'x' * 10_000\ndef f(): return v7`,
    );
    const first = await session.save();
    expect(first.sink.parts).to.have.length.below(70);
    await session.run('v500 = "changed"; v7.append(1)');
    const second = await session.save();
    const before = first.sink.hashes();
    const changed = Object.entries(second.sink.hashes()).filter(([name, hash]) => before[name] !== hash);
    expect(changed.filter(([name]) => name.startsWith('pack:'))).to.have.length.within(1, 2);
    const fresh = await suite.world.session();
    expect(await fresh.restore(second)).to.deep.equal({ not_kept: [] });
    expect(
      await fresh.value('sum(v[0] for n, v in list(globals().items()) if n[0] == "v" and n != "v500")'),
    ).to.equal(String((999 * 1000) / 2 - 500));
    expect(await fresh.value('[v500, f(), len(big)]')).to.equal(`['changed', [7, 1], 10000]`);
  });

  it('leaves a few small variables in parts of their own', async () => {
    const session = await suite.world.session();
    await session.run(`for i in range(20): globals()['v%d' % i] = i`);
    const names = (await session.save()).sink.parts.map(({ name }) => name);
    expect(names).to.include('v:v7').and.to.have.length(23);
  });
});
