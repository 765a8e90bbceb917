// Agent `planner`: has a token of its own and is handed alice's with her request. It knows no credential of the orders API.
// Set BASE_URL to the gate and ISSUER to the realm.

const { BASE_URL = 'http://127.0.0.1:8080', ISSUER, PLANNER_SECRET = '', ALICE_PASSWORD = '' } = process.env;

async function token(parameters) {
  const response = await fetch(`${ISSUER}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams(parameters),
  });
  if (!response.ok) throw new Error(`the issuer answered ${response.status}: ${await response.text()}`);
  return (await response.json()).access_token;
}

async function show(what, init) {
  const response = await fetch(`${BASE_URL}/orders/v1/orders`, init);
  process.stdout.write(`\n${what}: ${response.status}\n${(await response.text()).trim()}\n`);
}

const own = await token({ grant_type: 'client_credentials', client_id: 'planner', client_secret: PLANNER_SECRET });
// Stands in for a browser sign-in: a real agent receives the user's token and never sees a password.
const alice = await token({
  grant_type: 'password',
  client_id: 'chat-app',
  username: 'alice',
  password: ALICE_PASSWORD,
});

const headers = { authorization: `Bearer ${own}`, 'postern-subject-token': alice };
await show('planner reads orders on behalf of alice', { headers });
await show('planner writes an order on behalf of alice', { method: 'POST', headers, body: '{}' });
await show('planner for itself', { headers: { authorization: `Bearer ${own}` } });
await show("alice's token alone, as a thief would use it", { headers: { authorization: `Bearer ${alice}` } });
