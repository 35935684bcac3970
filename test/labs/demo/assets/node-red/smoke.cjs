// Deploys an empty flow through the admin API and reads it back.
const base = `http://127.0.0.1:${process.argv[2]}`;

async function main() {
  const headers = { 'content-type': 'application/json', 'node-red-api-version': 'v2' };
  const saved = await fetch(`${base}/flows`, { headers }).then((answer) => answer.json());
  const answer = await fetch(`${base}/flows`, { method: 'POST', headers, body: JSON.stringify(saved) });
  if (!answer.ok) throw new Error(`POST /flows answered ${answer.status}`);
  const again = await fetch(`${base}/flows`, { headers }).then((reply) => reply.json());
  if (!Array.isArray(again.flows)) throw new Error('GET /flows did not answer flows');
}

main().then(
  () => console.log('flows can be read and deployed'),
  (error) => {
    console.error(String(error));
    process.exit(1);
  },
);
