/** Figures of matplotlib in a Python session: images at the end of a run or when they are shown, once each. */
import { expect } from 'chai';
import type { OutputEventBody } from '../src/types/events.js';
import { needs } from './support/needs.js';
import { PythonWorld, pythonSuite } from './support/python-world.js';

const leftOut = 'application/vnd.sojourn.left-out+json';

const bundles = (outputs: readonly OutputEventBody[]) =>
  outputs.flatMap((output) => ('data' in output ? [output.data] : []));

describe('the figures of a Python session', () => {
  const suite = pythonSuite({ preload: ['matplotlib.pyplot'] }, ['matplotlib']);

  const isPng = (content: unknown) =>
    Buffer.from(String(content), 'base64').subarray(0, 4).toString('latin1') === '\x89PNG';
  const figures = (outputs: readonly OutputEventBody[]) =>
    bundles(outputs).filter((data) => isPng(data['image/png']));

  it('K-12, P-17: are images at the end of the run, and then closed', async () => {
    const session = await suite.world.session();
    const { outputs } = await session.run(
      `import matplotlib.pyplot as plt\nplt.plot([1, 2], [3, 4])\nplt.figure()\nNone`,
    );
    expect(figures(outputs).map((data) => data['text/plain'])).to.deep.equal([
      '<Figure size 640x480 with 1 Axes>',
      '<Figure size 640x480 with 0 Axes>',
    ]);
    expect(outputs.map(({ type }) => type)).to.deep.equal(['display', 'display']);
    expect(await session.value('plt.get_fignums()')).to.equal('[]');
  });

  it('K-12: are shown by plt.show() at once, in the order of the prints, without a warning', async () => {
    const session = await suite.world.session();
    for (const first of ['', `import matplotlib; matplotlib.use('Agg')`]) {
      const { outputs } = await session.run(`${first}
import matplotlib.pyplot as plt
print('a'); plt.plot([1, 2]); plt.show(block=True); print('b'); plt.plot([3]); plt.show(); print('c')`);
      // What is printed may come in several pieces.
      const types = outputs.map(({ type }) => type).filter((type, at, all) => type !== all[at - 1]);
      expect(types).to.deep.equal(['stdout', 'display', 'stdout', 'display', 'stdout']);
      expect(figures(outputs)).to.have.length(2);
    }
  });

  it('are shown once each, and again only when they were changed', async () => {
    const session = await suite.world.session();
    const count = async (code: string) =>
      figures(
        (await session.run(`import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\n${code}`)).outputs,
      ).length;
    expect(await count('ax.plot([1]); fig')).to.equal(1);
    expect(await count('ax.plot([1]); display(fig)')).to.equal(1);
    expect(await count('ax.plot([1]); fig.show(); 5')).to.equal(1);
    expect(await count('display(fig); ax.plot([1]); None')).to.equal(2);
    expect(await count('plt.close(fig)')).to.equal(0);
  });

  it('are shown although pyplot does not hold them, and beside an error', async () => {
    const session = await suite.world.session();
    const own = await session.run(`from matplotlib.figure import Figure
f = Figure(); f.subplots().plot([1]); f`);
    expect(figures(own.outputs)).to.have.length(1);
    const failed = await session.run(`import matplotlib.pyplot as plt\nplt.plot([1]); 1 / 0`);
    expect(failed.outcome.error?.traceback).to.not.match(/showing\.py|figures\.py/);
    expect(figures(failed.outputs)).to.have.length(1);
  });

  it('follow the settings of savefig, and have an SVG when that is the format', async () => {
    const session = await suite.world.session();
    const { outputs } = await session.run(`import matplotlib.pyplot as plt
plt.rcParams.update({'savefig.format': 'svg', 'savefig.dpi': 50}); plt.plot([1]); None`);
    const [figure] = figures(outputs);
    expect(figure?.['image/svg+xml']).to.be.a('string').that.includes('<svg');
    // The width stands in the first chunk of a PNG.
    expect(Buffer.from(String(figure?.['image/png']), 'base64').readUInt32BE(16)).to.equal(320);
  });

  it('that cannot be drawn are named, and the run is as good as before', async () => {
    const session = await suite.world.session();
    const report = await session.run(`import matplotlib.pyplot as plt
class Bad(plt.Artist):
    def draw(self, renderer): raise ValueError('no')
plt.figure().add_artist(Bad()); print('done')`);
    expect(report.outcome.status).to.equal('ok');
    expect(bundles(report.outputs)).to.deep.equal([
      { 'text/plain': '<Figure size 640x480 with 0 Axes>', [leftOut]: { 'image/png': 'ValueError: no' } },
    ]);
    expect(await session.value('plt.get_fignums()')).to.equal('[]');
  });

  it('of threads are shown when the run ends', async () => {
    const session = await suite.world.session();
    const { outputs, outcome } = await session.run(`import threading, matplotlib.pyplot as plt
def work(number): plt.figure(number).add_subplot().plot([1])
for number in range(4): # one after the other: two at once may lose one in matplotlib itself
    thread = threading.Thread(target=work, args=(number,))
    thread.start()
    thread.join()`);
    expect(outcome.status).to.equal('ok');
    expect(figures(outputs)).to.have.length(4);
  });

  it('of a run that was stopped are closed and not shown', async () => {
    const session = await suite.world.session();
    const controller = new AbortController();
    session.onOutput = () => controller.abort('timeout');
    const report = await session.run(
      `import matplotlib.pyplot as plt\nplt.plot([1]); print('on')\nwhile True: pass`,
      { signal: controller.signal },
    );
    expect(report.outcome.status).to.equal('timeout');
    expect(figures(report.outputs)).to.deep.equal([]);
    expect(await session.value('plt.get_fignums()')).to.equal('[]');
  });

  it('cost a session without matplotlib no import', async () => {
    const plain = await PythonWorld.open();
    const session = await plain.session();
    await session.run('display(1)\n2');
    expect(await session.value(`import sys; 'matplotlib' in sys.modules`)).to.equal('False');
    const late = await session.run('import matplotlib.pyplot as plt\nplt.plot([1]); plt.show()\nprint(1)');
    expect(late.outputs.map(({ type }) => type)).to.deep.equal(['display', 'stdout']);
  });

  it('K-12: of a frame come as images, and the frame as text and a table', async function () {
    await needs.pythonModule(this, 'pandas');
    const session = await suite.world.session();
    const { outputs } = await session.run(`import pandas as pd
df = pd.DataFrame({'a': [1]}); df.plot(); df`);
    const [table, figure] = bundles(outputs);
    expect(table?.['text/plain']).to.equal('   a\n0  1');
    expect(table?.['text/html']).to.be.a('string').that.includes('<table');
    expect(isPng(figure?.['image/png'])).to.equal(true);
  });
});
