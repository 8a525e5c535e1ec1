/** annotations of checkpoints, through every operation, on both stores, and by the names of the reference. */
import { join } from 'node:path';
import { expect } from 'chai';
import { TimelineNavigator } from '../src/advanced/timeline/timeline-navigator.js';
import { silentLog, systemClock, systemFiles } from '../src/core/system.js';
import { memoryStore } from '../src/storage/memory.js';
import { sqliteStore } from '../src/storage/sqlite/definition.js';
import type { ISession } from '../src/types/client.js';
import { failure } from './support/python-fates.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

for (const definition of [memoryStore, sqliteStore])
  describe(`R-32: annotations of checkpoints, in the ${definition.name} store`, () => {
    let world: World;
    let session: ISession;
    let places: number[];

    beforeEach(async () => {
      const dataDir = join(await temporaryFolder(), 'store');
      const options = { dataDir, clock: systemClock, log: silentLog, files: systemFiles };
      const store = definition.create(options);
      await store.open();
      world = await openWorld({ store });
      session = await world.client.createSession({ kind: 'counter', sessionId: 'a' });
      places = [];
      for (const label of ['Loaded', 'cleaned up', 'model v1']) {
        await session.execute('add 1');
        places.push(
          (await session.timeline.checkpoint({ label, tags: [label.split(' ')[0] ?? '', 'all'] })).seq,
        );
      }
    });
    afterEach(() => world.close());
    const labels = async (query: { label?: string; tag?: string }) =>
      (await session.timeline.find(query)).map(({ label }) => label);

    it('are added and found by label pattern, whatever its case, and by tag', async () => {
      expect(await labels({})).to.deep.equal(['model v1', 'cleaned up', 'Loaded']);
      expect(await labels({ label: '^LOAD|v\\d$' })).to.deep.equal(['model v1', 'Loaded']);
      expect(await labels({ tag: 'cleaned' })).to.deep.equal(['cleaned up']);
      expect(await labels({ label: 'e', tag: 'model' })).to.deep.equal(['model v1']);
      expect(await labels({ tag: 'none' })).to.deep.equal([]);
      expect(await session.timeline.tags()).to.deep.equal(['Loaded', 'all', 'cleaned', 'model']);
    });

    it('are updated member by member, and removed', async () => {
      const [first = 0] = places;
      const before = (await session.timeline.exportAnnotations())[0];
      const after = await session.timeline.annotate(first, { description: 'as it came', tags: ['x', 'x'] });
      expect(after).to.deep.include({ label: 'Loaded', description: 'as it came', tags: ['x'], seq: first });
      expect(after.created_at).to.equal(before?.created_at);
      expect(await session.timeline.removeAnnotation(first)).to.equal(true);
      expect(await session.timeline.removeAnnotation(first)).to.equal(false);
      expect(await labels({})).to.deep.equal(['model v1', 'cleaned up']);
      const { checkpoints } = await session.timeline.read();
      expect(checkpoints.map(({ note }) => note?.label ?? null)).to.deep.equal([
        null,
        'cleaned up',
        'model v1',
      ]);
    });

    it('are exported, and imported where they were lost; what fits nothing is told', async () => {
      const exported = await session.timeline.exportAnnotations();
      for (const place of places) await session.timeline.removeAnnotation(place);
      const stray = { ...exported[0]!, checkpoint_id: 'other', seq: 999 };
      const bySeq = { ...exported[1]!, checkpoint_id: 'other' };
      const answer = await session.timeline.importAnnotations([exported[0]!, bySeq, exported[2]!, stray]);
      expect(answer).to.deep.equal({ imported: 3, skipped: [999] });
      expect(await session.timeline.exportAnnotations()).to.deep.equal(exported);
    });

    it('of a fork are its own from then on', async () => {
      const [first = 0] = places;
      const fork = await session.fork('b');
      await fork.timeline.annotate(first, { label: 'other' });
      await session.timeline.removeAnnotation(places[1] ?? 0);
      expect(await labels({ label: 'other' })).to.deep.equal([]);
      const inFork = (await fork.timeline.find()).map(({ label }) => label);
      expect(inFork).to.deep.equal(['model v1', 'cleaned up', 'other']);
    });

    it('have the names of the reference for who embeds it', async () => {
      const navigator = new TimelineNavigator({ store: world.store, clock: systemClock });
      const [first = 0, second = 0] = places;
      await navigator.addAnnotation('a', first, 'again', 'why', ['t']);
      expect(await navigator.getAnnotation('a', first)).to.deep.include({
        label: 'again',
        description: 'why',
      });
      expect(await navigator.getAnnotation('a', first + 100)).to.equal(null);
      expect(await navigator.getAnnotationsByTag('a', 't')).to.have.length(1);
      expect(await navigator.updateAnnotation('a', second, { label: 'two' })).to.deep.include({
        label: 'two',
      });
      expect(await navigator.updateAnnotation('a', second + 100, { label: 'x' })).to.equal(null);
      expect((await navigator.findByLabel('a', 'TWO')).map(({ seq }) => seq)).to.deep.equal([second]);
      expect(await navigator.getSessionAnnotations('a')).to.have.length(3);
      expect((await navigator.generateTimeline('a')).map(({ note }) => note?.label)).to.deep.equal([
        'again',
        'two',
        'model v1',
      ]);
      expect(await navigator.clearSessionAnnotations('a')).to.equal(3);
      expect(await navigator.getAllTags('a')).to.deep.equal([]);
    });

    it('are refused where there is no checkpoint, for nothing, for no pattern, and for one that never ends', async () => {
      const [first = 0] = places;
      const missing = await failure(session.timeline.annotate(first + 1, { label: 'x' }));
      expect(missing).to.include({ code: 'checkpoint_not_found' });
      expect(missing.detail).to.include(`the nearest before it is at ${first}`);
      expect(await failure(session.timeline.annotate(first, {}))).to.include({ code: 'invalid_params' });
      expect(await failure(session.timeline.find({ label: '(' }))).to.include({ code: 'invalid_params' });
      await session.timeline.annotate(first, { label: `${'a'.repeat(190)}!` });
      const endless = await failure(session.timeline.find({ label: '^(a+)+$' }));
      expect(endless).to.include({ code: 'invalid_params' });
      expect(endless.detail).to.include('takes longer');
      expect(await labels({ label: 'a!$' })).to.have.length(1);
    });
  });
