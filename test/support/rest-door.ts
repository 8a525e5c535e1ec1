/** The REST transport of a world, not started yet. */
import { RestTransport } from '../../src/api/rest-transport.js';
import type { RestTransportOptions } from '../../src/api/rest-transport.js';
import { loadConfig } from '../../src/core/config.js';
import { systemClock, systemIds } from '../../src/core/system.js';
import type { ConfigInput } from '../../src/types/config.js';
import type { World } from './world.js';

export const token = 'a-token-of-the-tests';

export function restOf(
  { dataDir }: Pick<World, 'dataDir'>,
  given: ConfigInput = {},
  options: Partial<RestTransportOptions> = {},
): RestTransport {
  const config = loadConfig({ given: { port: 0, data_dir: dataDir, ...given }, file: null, env: {} });
  const facts = { clock: systemClock, ids: systemIds, version: '1', pid: 1, token };
  return new RestTransport({ config, ...facts, ...options });
}
