// The least that Node's own HTTP does for a poll: one file from memory, its headers ready, nothing looked up, counted or watched.
// JavaScript, so that it starts without the type stripper.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [file, port] = process.argv.slice(2);
const bytes = readFileSync(file);
const about = ['etag', '"bare"', 'cache-control', 'public, max-age=10, must-revalidate'];
const whole = [...about, 'content-length', String(bytes.length), 'content-type', 'application/json'];

createServer((request, response) => {
  if (request.headers['if-none-match'] === '"bare"') response.writeHead(304, about).end();
  else response.writeHead(200, whole).end(bytes);
}).listen(Number(port), '127.0.0.1');
