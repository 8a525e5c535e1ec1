/** A living kernel as its engine and the host know it. */
import type { ExitStatus } from '../../types/ports.js';
import type { FrameChannel } from './frame-channel.js';
import type { Expected } from './kernel-door.js';
import type { Lease } from './lease.js';
import type { SandboxProfile } from './sandbox.js';

export interface CopyConnection {
  readonly expected: Expected;
  readonly ticket: string;
}

/** A frozen copy of a kernel, as its zygote knows it. */
export interface Heir {
  /** Its process; null when there is none. */
  find(): Promise<number | null>;
  /** Makes it the kernel, once that one is gone. @throws engine_unavailable */
  wake(channel: FrameChannel): Promise<KernelProcess>;
  /** Ends it, or what was got ready for it. */
  drop(): Promise<void>;
}

/** A kernel that has said hello. */
export interface KernelProcess {
  readonly pid: number;
  readonly channel: FrameChannel;
  /** Resolves when the process is gone. */
  readonly exited: Promise<ExitStatus>;
  /** Sends a signal that is meant for one request. */
  signal(request: number, signal: NodeJS.Signals, group: boolean): Promise<boolean>;
  /** Ends it and all that descends from it, except copies that still write a checkpoint. */
  kill(spare?: readonly number[]): void;
  killCopy(pid: number): void;
  /** Gets a connection ready for a copy; the kernel finds it by the ticket. @throws internal */
  connectCopy(): Promise<CopyConnection>;
  /** The same for a copy of which a second one is to stay frozen. @throws internal */
  connectHeir(): Promise<CopyConnection & { heir: Heir }>;
  /** Null: the server's. */
  readonly uid: number | null;
  /** Makes a folder and all in it the kernel's own. @throws internal */
  give(folder: string): Promise<void>;
  /** The folder for temporary files, where it has one of its own. */
  readonly temporary: string | null;
  readonly lease: Lease;
  readonly profile: SandboxProfile;
}
