/** Stored data that cannot be trusted: nothing is run on it, and whoever asks is told why. */
import type { SojournError } from '../types/errors.js';
import type { SessionServices } from './session-services.js';

export async function setAside(id: string, error: SojournError, services: SessionServices): Promise<void> {
  const at = new Date(services.clock.now()).toISOString();
  services.log.error({ session_id: id, err: error }, 'a damaged session was set aside');
  await services.store.updateSession(id, { failure: { code: error.code, detail: error.detail, at } });
  services.broken();
}
