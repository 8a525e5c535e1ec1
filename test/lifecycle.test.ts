import { expect } from 'chai';
import { DisposableStack, TopicEmitter } from '../src/core/lifecycle.js';
import { silentLog } from '../src/core/system.js';

describe('disposable stack', () => {
  it('disposes the newest first, once', async () => {
    const order: number[] = [];
    const stack = new DisposableStack();
    for (const index of [1, 2, 3]) stack.use({ dispose: () => void order.push(index) });
    await stack.dispose();
    await stack.dispose();
    expect(order).to.deep.equal([3, 2, 1]);
  });

  it('goes on when one fails, and throws all failures together', async () => {
    const order: number[] = [];
    const stack = new DisposableStack();
    stack.use({ dispose: () => void order.push(1) });
    stack.use({ dispose: () => Promise.reject(new Error('second')) });
    stack.use({
      dispose: () => {
        throw new Error('third');
      },
    });
    const error: unknown = await stack.dispose().catch((caught: unknown) => caught);
    expect(order).to.deep.equal([1]);
    expect(error).to.be.instanceOf(AggregateError);
    expect((error as AggregateError).errors.map(String)).to.deep.equal(['Error: third', 'Error: second']);
  });
});

describe('topic emitter', () => {
  const emitter = () => new TopicEmitter<string>(silentLog);

  it('reaches the listeners of its topic only', () => {
    const events = emitter();
    const heard: string[] = [];
    events.on('a', (value) => heard.push(`a ${value}`));
    events.on('b', (value) => heard.push(`b ${value}`));
    events.emit('a', '1');
    expect(heard).to.deep.equal(['a 1']);
  });

  it('runs the rest when a listener throws', () => {
    const events = emitter();
    const heard: string[] = [];
    events.on('t', () => {
      throw new Error('no');
    });
    events.on('t', (value) => heard.push(value));
    events.emit('t', 'x');
    expect(heard).to.deep.equal(['x']);
  });

  it('skips a listener that was removed by one before it', () => {
    const events = emitter();
    const heard: string[] = [];
    events.on('t', () => void second.dispose());
    const second = events.on('t', (value) => heard.push(value));
    events.emit('t', 'x');
    expect(heard).to.deep.equal([]);
  });

  it('may be emitted to while it emits, and listened to twice by one function', () => {
    const events = emitter();
    const heard: string[] = [];
    const listener = (value: string) => {
      heard.push(value);
      if (value === 'one' && heard.length === 1) events.emit('t', 'two');
    };
    events.on('t', listener);
    const again = events.on('t', listener);
    events.emit('t', 'one');
    void again.dispose();
    events.emit('t', 'three');
    expect(heard).to.deep.equal(['one', 'two', 'two', 'one', 'three']);
  });
});
