/**
 * Keeps the write-ahead log short. Copying the log into the database waits for the disk, so it runs in a worker
 * thread with a connection of its own and never on the event loop.
 *
 * Two steps: PASSIVE copies almost everything while writers go on; RESTART copies the rest and lets the next writer
 * begin the log anew. RESTART locks writers out, and SQLite would let them wait by sleeping on the event loop; so
 * for its few milliseconds our own writers wait for a promise instead (`gate`).
 *
 * The worker's source is a string: it needs no file beside it, so it works from TypeScript sources as from the
 * compiled ones. The driver is resolved here, because a worker made from a string resolves names from the working
 * directory.
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { pageBytes } from './schema.js';
import type { Disposable, ILog } from '../../types/ports.js';

const source = `
const { parentPort, workerData } = require('node:worker_threads');
const Database = require(workerData.driver);
const db = new Database(workerData.file, { timeout: 5000 });
try {
  db.pragma('synchronous = NORMAL');
  db.pragma('wal_checkpoint(PASSIVE)');
  parentPort.once('message', () => {
    try {
      db.pragma('wal_checkpoint(RESTART)');
      db.close();
      parentPort.postMessage('done');
    } catch (error) {
      parentPort.postMessage(String(error));
    }
  });
  parentPort.postMessage('copied');
} catch (error) {
  db.close();
  throw error;
}`;

/** A commit writes whole pages: a leaf of the journal, the head and now and then an index. */
const pagesOfCommit = 3 * pageBytes;

const driver = createRequire(import.meta.url).resolve('better-sqlite3');

export interface WalKeeperOptions {
  readonly file: string;
  readonly log: ILog;
  /** The log's size at which it is copied. */
  readonly maxBytes: number;
}

export class WalKeeper implements Disposable {
  /** Set while writers must wait; resolves when they may go on. */
  gate: Promise<void> | undefined;
  private bytes = 0;
  private running: Promise<void> | undefined;
  private disposed = false;

  constructor(private readonly options: WalKeeperOptions) {}

  /** To be told roughly what was written: `bytes` of large rows, and nothing for each commit. */
  grew(bytes = pagesOfCommit): void {
    this.bytes += bytes;
    if (this.bytes < this.options.maxBytes || this.running || this.disposed) return;
    void this.copy();
  }

  /** Copies the log into the database now. Never rejects: a failure is logged and the log stays longer. */
  copy(): Promise<void> {
    return (this.running ??= this.run().finally(() => (this.running = undefined)));
  }

  async dispose(): Promise<void> {
    if (!this.disposed) {
      this.disposed = true;
      await this.running;
      // A short log is copied by SQLite itself when the connection closes.
      if (this.bytes > 2 ** 20) await this.copy();
    }
    await this.running;
  }

  private async run(): Promise<void> {
    this.bytes = 0;
    let openGate: () => void = () => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const workerData = { file: this.options.file, driver };
        const worker = new Worker(source, { eval: true, workerData, execArgv: [] });
        worker.on('error', reject);
        worker.on('exit', () => resolve());
        worker.on('message', (message: unknown) => {
          if (message === 'copied') {
            this.gate = new Promise((done) => (openGate = done));
            worker.postMessage('restart');
          } else if (message !== 'done') {
            reject(new Error(String(message)));
          }
        });
      });
    } catch (error) {
      this.options.log.warn(
        { err: error, file: this.options.file },
        'the write-ahead log could not be shortened',
      );
    } finally {
      this.gate = undefined;
      openGate();
    }
  }
}
