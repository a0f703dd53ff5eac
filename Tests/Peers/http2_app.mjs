// An app on Node's http2, cleartext by prior knowledge. Argument: the port.
//
// /echo sends the content back as it comes, and the request's trailers as the response's; /hints has a 103 first; /reset
// and /destroy break off in the middle of the response, one the stream, the other the connection; /early answers while the
// content still comes; /events sends one event and the second when /go was asked; /hold begins a response and never ends
// it; /aborts says how many of those were broken off; /none/204 and /none/304 have no content; /flood sends without end,
// and /sent says how much of it was taken; /swallow never reads; /upload reads, and /wholes and /aborts say how it ended.

import http2 from 'node:http2';

let aborts = 0;
let wholes = 0;
let sent = 0;
let waiting = [];

const server = http2.createServer();
server.on('stream', (stream, fields) => {
  const path = fields[':path'];
  const method = fields[':method'];
  stream.on('error', () => {});
  const answer = (text) => { stream.respond({ ':status': 200, 'content-type': 'text/plain' }); stream.end(text); };
  if (path.startsWith('/echo')) {
    let trailers = {};
    stream.on('trailers', (fields) => { trailers = { 'x-sum': fields['x-sum'] ?? '', 'x-user-id': fields['x-user-id'] ?? 'none' }; });
    stream.respond({ ':status': 200, 'x-user': fields['x-user-id'] ?? '' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.pipe(stream);
  } else if (path === '/hints') {
    stream.additionalHeaders({ ':status': 103, link: '</a>; rel=preload' });
    answer('hinted');
  } else if (path === '/reset' || path === '/destroy') {
    stream.respond({ ':status': 200 });
    stream.write('only this', () => setImmediate(() => {
      if (path === '/reset') stream.destroy(new Error('broken off')); else stream.session.destroy();
    }));
  } else if (path === '/early') {
    answer('early');
  } else if (path === '/events') {
    stream.respond({ ':status': 200, 'content-type': 'text/event-stream' });
    stream.write('data: 1\n\n');
    waiting.push(() => stream.end('data: 2\n\n'));
  } else if (path === '/go') {
    for (const go of waiting) go();
    waiting = [];
    answer('gone');
  } else if (path === '/hold') {
    stream.on('aborted', () => { aborts += 1; });
    stream.respond({ ':status': 200 });
    stream.write('begun');
  } else if (path === '/swallow') {
    // No listener for content: the window stays shut.
  } else if (path === '/upload') {
    stream.on('aborted', () => { aborts += 1; });
    stream.on('end', () => { if (!stream.aborted) wholes += 1; });
    stream.on('data', () => { if (!stream.headersSent) stream.respond({ ':status': 200 }); });
  } else if (path === '/wholes') {
    answer(String(wholes));
  } else if (path === '/aborts') {
    answer(String(aborts));
  } else if (path.startsWith('/none/')) {
    stream.respond({ ':status': Number(path.slice(6)), etag: '"a"' }, { endStream: true });
  } else if (path === '/flood') {
    stream.respond({ ':status': 200 });
    const more = () => {
      let takes = true;
      while (takes && !stream.destroyed) { takes = stream.write(Buffer.alloc(65536)); sent += 65536; }
    };
    stream.on('drain', more);
    more();
  } else if (path === '/sent') {
    answer(String(sent));
  } else {
    stream.respond({ ':status': 200, 'content-length': 5 }, { endStream: method === 'HEAD' });
    if (method !== 'HEAD') stream.end('plain');
  }
});
server.on('sessionError', () => {});
server.listen(Number(process.argv[2]), '127.0.0.1');
