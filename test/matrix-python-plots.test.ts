/** The acceptance rows P-17 to P-19: what Python tools draw and analyse, in process and over REST. */
import { expect } from 'chai';
import type { RunningServer } from '../src/server.js';
import type { ICaller } from '../src/types/client.js';
import { needs, skip } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { ReplTools } from './support/repl-tools.js';
import type { ReplAnswer } from './support/repl-tools.js';
import { doors } from './support/server-doors.js';

const table = 'name,height,weight\nann,1.6,55\nbob,1.8,80\ncid,1.7,\ndee,1.7,60\n';
const rows = JSON.stringify([
  { name: 'ann', height: 1.6, weight: 55 },
  { name: 'bob', height: 1.8, weight: 80 },
  { name: 'cid', height: 1.7, weight: null },
]);
/** A picture in the PNG format, its size in dots. */
function pictureSize({ image }: ReplAnswer): [number, number] {
  const bytes = Buffer.from(image ?? '', 'base64');
  expect(bytes.subarray(1, 4).toString('latin1')).to.equal('PNG');
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

const nothingElse = (answer: ReplAnswer) => expect(Object.keys(answer)).to.deep.equal(['error']);

/** Steps that draw need a session that shows the figures which are open at the end of a run. */
async function needsFigures(context: Mocha.Context, tools: ReplTools): Promise<void> {
  const { image } = await tools.repl({ code: 'import matplotlib.pyplot as plt\nplt.plot([1, 2])' });
  if (image === null) skip(context, 'open figures are not shown at the end of a run yet');
}

const customerAnalysis = [
  `import pandas as pd
import numpy as np
import matplotlib.pyplot as plt
customers = pd.DataFrame({
    'id': range(1000),
    'age': np.random.normal(35, 10, 1000),
    'spending': np.random.exponential(100, 1000)
})
print(f"Loaded {len(customers)} customers")
print(customers.head())`,
  `customers['age_group'] = pd.cut(customers['age'], bins=[0, 25, 35, 45, 55, 100],
                                labels=['<25', '25-35', '35-45', '45-55', '55+'])
spending_by_age = customers.groupby('age_group')['spending'].agg(['mean', 'sum', 'count'])
print(spending_by_age)`,
  `fig, (ax1, ax2) = plt.subplots(1, 2, figsize=(12, 5))
ax1.hist(customers['spending'], bins=50, alpha=0.7)
spending_by_age['mean'].plot(kind='bar', ax=ax2)
plt.tight_layout()`,
];

const modelSteps = [
  'import numpy as np\nX = np.arange(40.0).reshape(-1, 1)\ny = 3 * X[:, 0] + 1',
  'from sklearn.model_selection import train_test_split\n' +
    'X_train, X_test, y_train, y_test = train_test_split(X, y)',
  'from sklearn.linear_model import LinearRegression\nmodel = LinearRegression()\nmodel.fit(X_train, y_train)',
  "score = model.score(X_test, y_test)\nprint(f'{score:.3f}')",
];

for (const door of doors) {
  describe(`pictures of Python tools ${door.name}`, () => {
    let server: RunningServer;
    let caller: ICaller;
    let tools: ReplTools;

    // One server for all: importing what draws takes longer than any of the tests.
    before(async function () {
      await needs.python(this);
      await needs.pythonModule(this, 'pandas');
      await needs.pythonModule(this, 'matplotlib');
      server = await openServer({ python: { preload: ['numpy', 'pandas', 'matplotlib.pyplot'] } });
    });
    beforeEach(() => {
      caller = door.open(server);
      tools = new ReplTools(caller);
    });
    afterEach(() => caller.dispose());
    after(() => server?.dispose());

    it('P-17: a figure that is open at the end of a run is its image', async function () {
      await needsFigures(this, tools);
      const code = 'plt.plot([1, 4, 9])\nplt.title("growth")';
      const drawn = await tools.repl({ code, session_id: 'plot' });
      expect(pictureSize(drawn)[0]).to.be.greaterThan(400);
      expect((await tools.repl({ code: 'print(1)', session_id: 'plot' })).image).to.equal(null);
    });

    it('P-18: a table is described and correlated, from CSV and from JSON', async () => {
      for (const data of [table, `  ${rows}`]) {
        const described = await tools.analyze({ data });
        expect(described.error).to.equal(null);
        const count = data === table ? 4 : 3;
        expect(described.output).to.match(
          new RegExp(`^Data Shape: \\(${count}, 3\\)\n\nData Types:\nname +object\nheight +float64\n`),
        );
        expect(described.output).to.match(
          /\n\nBasic Statistics:\n[^]*mean[^]*\n\nMissing Values:\n[^]*weight +1/,
        );
        const correlated = await tools.analyze({ data, analysis_type: 'correlation' });
        expect(correlated.output).to.match(/^Correlation Matrix:\n +height +weight\nheight +1\.0/);
        expect(pictureSize(correlated)[0]).to.be.greaterThan(300);
      }
      const { output, image } = await tools.analyze({ data: 'a\nx\n', analysis_type: 'correlation' });
      expect([output, image]).to.deep.equal(['No numeric columns found for correlation analysis\n', null]);
    });

    it('P-18: a table is drawn in six ways, also with one numeric column', async () => {
      const kinds: [string, string | undefined][] = [
        ['histogram', undefined],
        ['histogram', 'height'],
        ['scatter', 'height, weight'],
        ['scatter', undefined],
        ['line', undefined],
        ['bar', 'name'],
        ['box', 'height,weight'],
        ['heatmap', undefined],
      ];
      for (const [plot_type, columns] of kinds) {
        const chosen = columns === undefined ? {} : { columns };
        const drawn = await tools.analyze({ data: table, analysis_type: 'plot', plot_type, ...chosen });
        expect(drawn.error, plot_type).to.equal(null);
        expect(pictureSize(drawn)[1], plot_type).to.be.greaterThan(200);
      }
    });

    it('P-18: code gets the table as df, quotes and backslashes in the data change nothing', async () => {
      const data = "text,n\n\"it's ''' a \\ test\",2\n\\n,3\n";
      const custom_code = "print(df['text'].tolist())\nprint(int(df['n'].sum()))";
      const answer = await tools.analyze({ data, analysis_type: 'custom', custom_code });
      expect(answer).to.deep.equal({
        output: `["it's ''' a \\\\ test", '\\\\n']\n5\n`,
        error: null,
        image: null,
      });
      const drawn = await tools.analyze({ data, analysis_type: 'custom', custom_code: "df.plot(y='n')" });
      expect(pictureSize(drawn)[0]).to.be.greaterThan(300);
      expect((await tools.analyze({ data, analysis_type: 'custom' })).output).to.equal('');
    });

    it('P-18: what is wrong with a request is said: columns, data, code', async () => {
      const plot = { data: table, analysis_type: 'plot' };
      const missing = await tools.analyze({ ...plot, plot_type: 'bar', columns: 'age' });
      expect(missing.error).to.match(/^KeyError: .*no column 'age'; there are: name, height, weight/);
      const few = await tools.analyze({ ...plot, plot_type: 'scatter', columns: 'height' });
      expect(few.error).to.match(/^ValueError: a scatter plot needs 2 columns/);
      expect((await tools.analyze({ data: '{"a": ' })).error).to.match(/^JSONDecodeError/);
      const custom = { data: table, analysis_type: 'custom' };
      const failed = await tools.analyze({ ...custom, custom_code: 'print(1)\ndf.nothing' });
      expect(failed.output).to.equal('1\n');
      expect(failed.error).to.match(/^AttributeError: .*nothing/);
      nothingElse(await tools.analyze({ ...custom, custom_code: 'import os' }));
    });

    it('P-19: the three steps of a data analysis on a CSV of the workspace run to the end', async () => {
      const open = new ReplTools(caller, 'open');
      const write = "open('data.csv', 'w').write('price,n\\n3,1\\n5,\\n4,2\\n')";
      expect((await open.repl({ code: write, session_id: 'analysis' })).error).to.equal(null);
      const steps = [
        "import pandas as pd\ndf = pd.read_csv('data.csv')\ndf_clean = df.dropna()",
        'summary = df_clean.describe()\nprint(summary)',
        "import matplotlib.pyplot as plt\ndf_clean['price'].hist()\nplt.title('Price Distribution')",
      ];
      const answers: ReplAnswer[] = [];
      for (const code of steps) answers.push(await open.repl({ code, session_id: 'analysis' }));
      expect(answers.map(({ error }) => error)).to.deep.equal([null, null, null]);
      expect(answers[1]?.output).to.match(/price +n\ncount +2\.0/);
    });

    it('P-19: the customer analysis runs to its picture, its count of variables and its end', async function () {
      await needsFigures(this, tools);
      const id = 'customer_analysis';
      const answers = [];
      for (const code of customerAnalysis) answers.push(await tools.repl({ code, session_id: id }));
      expect(answers.map(({ error }) => error)).to.deep.equal([null, null, null]);
      expect(answers[0]?.output).to.match(/^Loaded 1000 customers\n/);
      expect(answers[1]?.output).to.match(/mean +sum +count\n/);
      const [width, height] = pictureSize(answers[2] ?? {});
      expect(width).to.be.greaterThan(height);
      expect(await tools.listVariables(id)).to.include({ total_executions: 3 });
      expect((await tools.listSessions()).sessions[0]?.variable_count).to.be.at.least(2);
      expect(await tools.deleteSession(id)).to.include({ status: 'deleted' });
    });

    it('P-19: a model is fitted, kept over a sleep and evaluated in steps', async () => {
      const open = new ReplTools(caller, 'open');
      const run = (code: string) => open.repl({ code, session_id: 'fitted' });
      await run('import numpy as np\nX = np.arange(40.0)\ny = 3 * X + 1');
      await run('order = np.random.permutation(40)\ntrain, test = order[:30], order[30:]');
      await run('model = np.polynomial.Polynomial.fit(X[train], y[train], 1)');
      await caller.call('hibernate', { session_id: 'fitted' });
      const last = await run("print(f'{np.abs(model(X[test]) - y[test]).max():.3f}', model.degree())");
      expect([last.output, last.error]).to.deep.equal(['0.000 1\n', null]);
    });

    it('P-19: the policy lets no code import scikit-learn', async () => {
      nothingElse(await tools.repl({ code: modelSteps[2] ?? '', session_id: 'other' }));
    });

    it('P-19: a model of scikit-learn is built and evaluated in steps', async function () {
      await needs.pythonModule(this, 'sklearn');
      const open = new ReplTools(caller, 'open');
      let last: ReplAnswer = {};
      for (const code of modelSteps) last = await open.repl({ code, session_id: 'ml_dev' });
      expect([last.output, last.error]).to.deep.equal(['1.000\n', null]);
    });
  });
}
