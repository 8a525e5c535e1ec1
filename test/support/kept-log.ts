/** A log that a test can read: what was said at `warn` and above. */
import { silentLog } from '../../src/core/system.js';
import type { ILog } from '../../src/types/ports.js';

export interface KeptLog extends ILog {
  readonly complaints: { message: string; error: unknown }[];
}

export function keptLog(): KeptLog {
  const complaints: KeptLog['complaints'] = [];
  const complain: ILog['error'] = ({ err }, message) => void complaints.push({ message, error: err });
  const log: KeptLog = { ...silentLog, warn: complain, error: complain, child: () => log, complaints };
  return log;
}
