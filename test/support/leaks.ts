/**
 * Root hooks that fail a test file which leaves something behind: sockets, servers, timers, child processes, files
 * still open in its temporary folders, or disposables that were never disposed. Loaded for every run by .mocharc.json.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import type { Disposable } from '../../src/types/ports.js';
import { removeTemporaryFolders, temporaryFolders } from './temporary-folder.js';
import { shared } from './shared.js';

/** How long something that is closing already may take. It is waited for by turning the event loop, not by sleeping. */
const settleMs = 500;

interface Tracked {
  label: string;
  thing: Disposable;
  disposed: boolean;
  stack: string;
}
const tracked = shared<Tracked>('disposables');

/** Makes the file fail unless `thing` is disposed before the test (or, from a `before` hook, the suite) has ended. */
export function trackDisposable<T extends Disposable>(thing: T, label = thing.constructor.name): T {
  const stack = new Error(label).stack?.split('\n').slice(2, 5).join('\n') ?? '';
  const entry: Tracked = { label, thing, disposed: false, stack };
  const dispose = thing.dispose.bind(thing);
  thing.dispose = () => {
    entry.disposed = true;
    return dispose();
  };
  tracked.push(entry);
  return thing;
}

/** Reports and disposes what came after the first `keep` and is not disposed. */
async function endTracking(keep: number): Promise<string[]> {
  const forgotten = tracked.splice(keep).filter((entry) => !entry.disposed);
  for (const entry of forgotten) await entry.thing.dispose();
  return forgotten.map((entry) => `${entry.label} was never disposed; made\n${entry.stack}`);
}

function activeHandles(): object[] {
  // Node has no public way to get at the handles themselves; without it their names are counted below all the same.
  const getter: unknown = Reflect.get(process, '_getActiveHandles');
  const handles: unknown = typeof getter === 'function' ? Reflect.apply(getter, process, []) : [];
  if (!Array.isArray(handles)) return [];
  return handles.filter((handle: unknown): handle is object => typeof handle === 'object' && handle !== null);
}

function isOurs(handle: object): boolean {
  const standard: object[] = [process.stdin, process.stdout, process.stderr];
  if (standard.includes(handle)) return false;
  const fd: unknown = Reflect.get(handle, 'fd');
  if (typeof fd === 'number' && fd >= 0 && fd <= 2) return false;
  return handle.constructor.name !== 'Pipe' && handle.constructor.name !== 'MessagePort';
}

function describeHandle(handle: object): string {
  const facts = ['localPort', 'remotePort', 'path', 'pid', 'spawnfile']
    .map((key) => [key, Reflect.get(handle, key)] as const)
    .filter(([, value]) => typeof value === 'string' || typeof value === 'number');
  return `${handle.constructor.name} ${facts.map(([key, value]) => `${key}=${String(value)}`).join(' ')}`.trim();
}

const timerCount = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

/** Direct children by pid, with their command lines; empty where there is no /proc. */
async function children(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const task of await readdir('/proc/self/task').catch(() => [])) {
    const list = await readFile(`/proc/self/task/${task}/children`, 'utf8').catch(() => '');
    for (const pid of list.split(' ').filter((text) => text !== '')) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      // The compiler's service belongs to the test runner. A process without a command line has ended already.
      if (command !== '' && !command.includes('esbuild'))
        found.set(pid, command.replaceAll('\0', ' ').trim());
    }
  }
  return found;
}

async function openFilesBelow(folders: readonly string[]): Promise<string[]> {
  const targets = await Promise.all(
    (await readdir('/proc/self/fd').catch(() => [])).map((fd) =>
      readlink(`/proc/self/fd/${fd}`).catch(() => ''),
    ),
  );
  return targets.filter((target) => folders.some((folder) => target.startsWith(`${folder}/`)));
}

export interface Baseline {
  handles: Set<object>;
  timers: number;
  children: Map<string, string>;
}

/** What is open now; `leaksSince` tells what came since. */
export async function takeBaseline(): Promise<Baseline> {
  // The runner starts its own timer only after the first turn of a test or hook.
  await turn();
  return { handles: new Set(activeHandles()), timers: timerCount(), children: await children() };
}

async function lookForLeaks(baseline: Baseline): Promise<string[]> {
  const handles = activeHandles().filter((handle) => isOurs(handle) && !baseline.handles.has(handle));
  const late = [...(await children())].filter(([pid]) => !baseline.children.has(pid));
  const timers = timerCount() - baseline.timers;
  return [
    ...handles.map((handle) => `open handle: ${describeHandle(handle)}`),
    ...late.map(([pid, command]) => `child process ${pid}: ${command}`),
    ...(timers > 0 ? [`${timers} running timer(s)`] : []),
  ];
}

/** Asks again until nothing is found or the time is up. */
async function settled(look: () => Promise<string[]>, patienceMs = settleMs): Promise<string[]> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found.length === 0 || performance.now() > deadline) return found;
    await turn();
  }
}

export const leaksSince = (baseline: Baseline, patienceMs?: number): Promise<string[]> =>
  settled(() => lookForLeaks(baseline), patienceMs);

/** Ends what began after the marks: checks disposables and open files, removes the folders. */
async function endScope(folderMark: number, trackedMark: number, title: string): Promise<string[]> {
  const forgotten = await endTracking(trackedMark);
  const folders = temporaryFolders().slice(folderMark);
  const files = folders.length === 0 ? [] : await settled(() => openFilesBelow(folders));
  await removeTemporaryFolders(folderMark);
  return [...forgotten, ...files.map((path) => `open file: ${path}`)].map((leak) => `${title}: ${leak}`);
}

let testFolders = 0;
let testTracked = 0;
/** Failing in a root hook would end the whole run, so that what a test leaks is told at the end of its file. */
let testLeaks: string[] = [];

/** Puts the first hook before and the last hook after everything in a top-level suite. */
export function guardSuite(suite: Mocha.Suite): void {
  let baseline: Baseline | undefined;
  suite.beforeAll('notes what is open', async () => {
    testLeaks = [];
    baseline = await takeBaseline();
  });
  const hooks: unknown = Reflect.get(suite, '_beforeAll');
  if (Array.isArray(hooks)) hooks.unshift(hooks.pop());
  suite.afterAll('leaves nothing behind', async () => {
    const scope = await endScope(0, 0, suite.title);
    const leaks = [...testLeaks, ...scope, ...(baseline === undefined ? [] : await leaksSince(baseline))];
    if (leaks.length > 0) throw new Error(`"${suite.title}" leaks:\n  ${leaks.join('\n  ')}`);
  });
}

export const mochaHooks: Mocha.RootHookObject = {
  beforeAll(this: Mocha.Context) {
    this.test?.parent?.suites.forEach(guardSuite);
  },
  beforeEach() {
    testFolders = temporaryFolders().length;
    testTracked = tracked.length;
  },
  async afterEach(this: Mocha.Context) {
    const title = this.currentTest?.title ?? 'a test';
    testLeaks.push(...(await endScope(testFolders, testTracked, title)));
  },
};
