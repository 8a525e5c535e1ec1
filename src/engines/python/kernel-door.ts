/**
 * The unix socket where kernels and their copies knock. Each must say a secret that was made for it alone; whoever
 * does not within a few seconds is turned away.
 */
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Disposable, IClock, IFiles, IIds, ILog } from '../../types/ports.js';
import { FrameChannel } from './frame-channel.js';
import { helloSchema } from './protocol.js';

/** The smallest limit of any system is 104 bytes, the last one a zero. */
const socketPathBytesMax = 100;
const helloTimeoutMs = 10_000;
const strangersMax = 1000;
const cancelledMax = 1000;

export interface DoorPorts {
  readonly clock: IClock;
  readonly ids: IIds;
  readonly files: IFiles;
  readonly log: ILog;
}

/** Somebody who is expected. */
export interface Expected {
  /** Resolves when they have come; never rejects. */
  readonly channel: Promise<FrameChannel>;
  /** Whoever comes now is turned away. */
  cancel(): void;
}

export class KernelDoor implements Disposable {
  private server: Server | null = null;
  private readonly expected = new Map<string, (channel: FrameChannel) => void>();
  /** Those who were expected once and may still be on their way: no strangers, and not let in. */
  private readonly cancelled = new Set<string>();
  private readonly strangers = new Set<FrameChannel>();
  private ownFolder: string | null = null;
  path = '';

  constructor(
    private readonly folder: string,
    private readonly ports: DoorPorts,
  ) {}

  /** Opens the socket, in a temporary folder when the path of the given one is too long for a socket. */
  async open(): Promise<void> {
    const { files, ids } = this.ports;
    const name = `k-${ids.uid()}.sock`;
    await files.makeDirectory(this.folder, 0o700);
    this.path = join(this.folder, name);
    if (Buffer.byteLength(this.path) >= socketPathBytesMax) {
      this.ownFolder = join(tmpdir(), `sojourn-${ids.uid()}`);
      await files.makeDirectory(this.ownFolder, 0o700);
      this.path = join(this.ownFolder, name);
    }
    const server = createServer((socket) => void this.receive(socket));
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.path, () => {
        server.off('error', reject);
        server.on('error', (error) =>
          this.ports.log.error({ err: error }, 'the socket of the kernels failed'),
        );
        resolve();
      });
    });
    server.unref();
  }

  /** Lets in whoever says `secret`, once. */
  expect(secret: string): Expected {
    const channel = new Promise<FrameChannel>((resolve) => this.expected.set(secret, resolve));
    return { channel, cancel: () => this.cancel(secret) };
  }

  /** Removes sockets of servers that are gone; to be called when it is certain that no other server runs here. */
  async removeStale(): Promise<void> {
    const { files } = this.ports;
    const folder = dirname(this.path);
    for (const entry of await files.list(folder)) {
      const path = join(folder, entry.name);
      if (/^k-[a-z0-9]+\.sock$/.test(entry.name) && path !== this.path) await files.remove(path);
    }
  }

  async dispose(): Promise<void> {
    const server = this.server;
    this.server = null;
    this.strangers.forEach((channel) => channel.dispose());
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
    if (this.ownFolder) await this.ports.files.remove(this.ownFolder);
  }

  private cancel(secret: string): void {
    if (!this.expected.delete(secret)) return;
    this.cancelled.add(secret);
    const [oldest] = this.cancelled;
    if (this.cancelled.size > cancelledMax && oldest !== undefined) this.cancelled.delete(oldest);
  }

  private async receive(socket: Socket): Promise<void> {
    const channel = new FrameChannel(socket).open();
    if (this.strangers.size >= strangersMax) {
      channel.dispose();
      return;
    }
    this.strangers.add(channel);
    const timer = this.ports.clock.setTimer(helloTimeoutMs, () => channel.fail('no hello'));
    const first = await channel.next();
    timer.cancel();
    this.strangers.delete(channel);
    const hello = helloSchema.safeParse(first?.message);
    const admit = hello.success ? this.expected.get(hello.data.secret) : undefined;
    if (!hello.success || !admit) {
      const isLate = hello.success && this.cancelled.delete(hello.data.secret);
      if (first && !isLate)
        this.ports.log.warn({}, 'a stranger at the socket of the kernels was turned away');
      channel.dispose();
      return;
    }
    this.expected.delete(hello.data.secret);
    admit(channel);
  }
}
