/** The leak check itself: each kind of thing left behind is found, and what is closing already is not. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { z } from 'zod';
import { leaksSince, takeBaseline } from './support/leaks.js';
import { temporaryFolder } from './support/temporary-folder.js';

const support = new URL('./support/', import.meta.url).href;

/** A test file that leaks in every way; each suite is named after what it leaves behind. */
const leakyFile = (marker: string) => `
import { createServer } from 'node:net';
import { openSync, writeFileSync } from 'node:fs';
import { temporaryFolder } from '${support}temporary-folder.ts';
import { trackDisposable } from '${support}leaks.ts';
describe('server', () => {
  it('listens', (done) => { createServer().listen(0, '127.0.0.1', done); });
});
describe('file', () => {
  it('is open', async () => {
    const folder = await temporaryFolder();
    writeFileSync('${marker}', folder);
    openSync(folder + '/left-open', 'w');
  });
});
describe('disposable', () => {
  it('is forgotten', () => { trackDisposable({ dispose() {} }, 'the forgotten one'); });
});
describe('timer', () => {
  it('runs', () => { setInterval(() => {}, 60_000); });
});
describe('nothing', () => {
  it('is clean', async () => {
    const thing = trackDisposable({ dispose() {} });
    await temporaryFolder();
    thing.dispose();
  });
});
`;

/** What mocha's own JSON reporter says. */
const reportSchema = z.object({
  passes: z.array(z.object({ title: z.string() })),
  failures: z.array(z.object({ fullTitle: z.string(), err: z.object({ message: z.string() }) })),
});

describe('leak check', () => {
  it('finds a server that still listens, and not one that was closed', async () => {
    const baseline = await takeBaseline();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const whileOpen = await leaksSince(baseline, 0);
    server.close();
    const afterwards = await leaksSince(baseline);
    expect(whileOpen).to.have.length(1);
    expect(whileOpen[0]).to.match(/^open handle: Server/);
    expect(afterwards).to.deep.equal([]);
  });

  it('finds a child process, also a detached one', async () => {
    const baseline = await takeBaseline();
    const child = spawn('sleep', ['60'], { stdio: 'ignore', detached: true });
    child.unref();
    const whileAlive = await leaksSince(baseline, 0);
    child.kill('SIGKILL');
    const afterwards = await leaksSince(baseline);
    expect(whileAlive).to.deep.equal([`child process ${child.pid}: sleep 60`]);
    expect(afterwards).to.deep.equal([]);
  });

  it('finds a timer that keeps the process alive, and not one that does not', async () => {
    const baseline = await takeBaseline();
    const timer = setInterval(() => undefined, 60_000);
    const whileRunning = await leaksSince(baseline, 0);
    timer.unref();
    const afterwards = await leaksSince(baseline);
    clearInterval(timer);
    expect(whileRunning).to.deep.equal(['1 running timer(s)']);
    expect(afterwards).to.deep.equal([]);
  });

  it('fails exactly the files that leak, names what they left and goes on', async () => {
    const folder = await temporaryFolder();
    const marker = join(folder, 'marker');
    const file = join(folder, 'leaky.test.mjs');
    await writeFile(file, leakyFile(marker));
    const mocha = ['node_modules/mocha/bin/mocha.js', '--reporter', 'json', file];
    const mochaRun = spawn(process.execPath, mocha, { stdio: ['ignore', 'pipe', 'inherit'] });
    const report = reportSchema.parse(JSON.parse(await text(mochaRun.stdout)));
    const found = new Map(
      report.failures.map(({ fullTitle, err }) => [fullTitle.split(' ')[0], err.message]),
    );
    expect(report.passes.map(({ title }) => title)).to.deep.equal([
      'listens',
      'is open',
      'is forgotten',
      'runs',
      'is clean',
    ]);
    expect([...found.keys()].sort()).to.deep.equal(['disposable', 'file', 'server', 'timer']);
    expect(found.get('server')).to.include('open handle: Server');
    expect(found.get('file')).to.include('is open: open file:');
    expect(found.get('disposable')).to.include('the forgotten one was never disposed');
    expect(found.get('timer')).to.include('1 running timer(s)');
    expect(existsSync(await readFile(marker, 'utf8'))).to.equal(false);
  });
});
