/** Sharing: tokens for one session, told from each other by whoever opens doors. */
import type { Extension } from '../../types/extension.js';
import { sharingOperations } from './operations.js';
import { Shares } from './shares.js';
import type { ShareServices } from './shares.js';

export function sharingExtension(services: ShareServices): Extension {
  const shares = new Shares(services);
  return {
    name: 'sharing',
    operations: sharingOperations(shares),
    around: (asked, proceed) => {
      const { principal } = asked.context;
      if (principal.session_id === undefined) return proceed();
      return shares.noteUse(principal).then(proceed);
    },
    authenticator: shares,
    start: () => {
      shares.start();
      return Promise.resolve();
    },
    dispose: () => shares.dispose(),
  };
}
