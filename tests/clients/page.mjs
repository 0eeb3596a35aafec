// The page of `whet serve` in headless Chromium, over the DevTools protocol: node page.mjs URL CHROMIUM [PICTURES]. Run by
// run.py.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [url, chromium, pictures] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'whet-page-'));
const browser = spawn(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0',
  '--window-size=1280,860', '--user-data-dir=' + profile, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
let failed = true;
try {
  const address = await new Promise((resolve, reject) => {
    let text = '';
    browser.stderr.on('data', (data) => {
      text += data;
      const found = text.match(/DevTools listening on ws:\/\/([^/]+)\//);
      if (found) resolve(found[1]);
    });
    browser.on('exit', () => reject(new Error(text)));
  });
  const target = (await (await fetch(`http://${address}/json`)).json()).find((t) => t.type === 'page');
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve) => { socket.onopen = resolve; });
  const waiting = new Map(), errors = [];
  let n = 0;
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.id) waiting.get(message.id)(message.result);
    if (message.method === 'Runtime.exceptionThrown') errors.push(message.params.exceptionDetails.text);
    if (message.method === 'Log.entryAdded' && message.params.entry.level === 'error') errors.push(message.params.entry.text);
  };
  const send = (method, params = {}) => new Promise((resolve) => {
    waiting.set(++n, resolve);
    socket.send(JSON.stringify({ id: n, method, params }));
  });
  const evaluate = async (expression) =>
    (await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })).result.value;
  const until = async (expression) => {
    for (const end = Date.now() + 120_000; !(await evaluate(expression)); await pause()) {
      assert.ok(Date.now() < end, `never true: ${expression}`);
    }
  };
  const picture = async (name) => {
    if (!pictures) return;
    const { data } = await send('Page.captureScreenshot');
    writeFileSync(join(pictures, name + '.png'), Buffer.from(data, 'base64'));
  };
  const ask = async (text) => {
    await evaluate(`prompt_ = document.querySelector('#prompt'); prompt_.value = ${JSON.stringify(text)};
                    document.querySelector('#ask').requestSubmit()`);
    await until(`document.querySelector('#send').textContent === 'Send' && !document.querySelector('#prompt').value`);
  };
  const last = (selector) => evaluate(`document.querySelectorAll('.turn:last-child ${selector}').length`);
  const count = (selector) => evaluate(`document.querySelectorAll('${selector}').length`);

  for (const domain of ['Page', 'Runtime', 'Log']) await send(domain + '.enable');
  await send('Page.navigate', { url });
  await until(`document.querySelector('#model')?.value === 'stone' && document.querySelector('#strategy').options.length > 3`);
  await evaluate(`document.querySelector('#limit').value = 40`);
  await ask('What is 3 * 4?');
  assert.equal(await count('.turn'), 2);
  assert.ok(await evaluate(`document.querySelector('.assistant .text span').textContent.length > 0`));
  assert.match(await evaluate(`document.querySelector('.assistant .figures').textContent`), /^\d+ prompt tokens/);
  await picture('chat');
  await evaluate(`document.querySelector('#n').value = 3`);
  await ask('And 12 + 30?');
  assert.equal(await last('.samples .text'), 3);
  await picture('samples');
  await evaluate(`document.querySelector('#strategy').value = 'majority-voting'`);
  await ask('What is 7 * 8?');
  assert.equal(await last('.chosen'), 1);
  assert.match(await evaluate(`document.querySelector('.turn:last-child .figures').textContent`), /^majority-voting: /);
  await picture('strategy');
  // A new chat leaves the old one in the list, whole.
  await evaluate(`document.querySelector('#fresh').click()`);
  assert.equal(await count('.turn'), 0);
  await evaluate(`document.querySelector('#chats button').click()`);
  assert.equal(await count('.turn'), 6);
  for (const width of [1280, 400]) {
    await send('Emulation.setDeviceMetricsOverride', { width, height: 860, deviceScaleFactor: 1, mobile: false });
    await until(`innerWidth === ${width}`);
    const [inside, whole] = await evaluate(`[innerWidth, document.documentElement.scrollWidth]`);
    assert.ok(whole <= inside, `at ${inside} px the page is ${whole} px wide`);
    // Whoever opens it sees where to write, and the chat above that.
    const [top, bottom] = await evaluate(`[document.querySelector('#talk').getBoundingClientRect().top,
                                          document.querySelector('#send').getBoundingClientRect().bottom]`);
    assert.ok(top < 200 && bottom <= 860, `at ${width} px the chat is from ${top} to ${bottom} px`);
    await picture(`chat at ${width}`);
  }
  await send('Emulation.clearDeviceMetricsOverride');
  await until(`/prompt tokens from the cache/.test(document.querySelector('#live').textContent)`);
  await until(`document.querySelectorAll('#reports li').length > 0`);
  if (await count('#reports button')) {
    await evaluate(`document.querySelector('#reports button').click()`);
    await until(`document.querySelector('#report').open && document.querySelector('#sheet').srcdoc`);
    await picture('report');
  }
  assert.deepEqual(errors, []);
  socket.close();
  failed = false;
} finally {
  browser.removeAllListeners('exit');
  const gone = new Promise((resolve) => browser.on('exit', resolve));
  browser.kill();
  await gone;
  rmSync(profile, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
