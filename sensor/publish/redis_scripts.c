/* redis_scripts.c - see redis_scripts.h. Lua 5.1, as Redis 7 runs it. */
#include "redis_scripts.h"

/* Refuses before anything is written: half a script cannot be taken back. */
#define CHECK_TYPES                                                                                \
    "local function check(key, want)\n"                                                            \
    "  local got = redis.call('TYPE', key).ok\n"                                                   \
    "  if got ~= 'none' and got ~= want then\n"                                                    \
    "    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. got .. ', not a ' .. want)\n" \
    "  end\n"                                                                                      \
    "end\n"

#define GUARD                                                                                      \
    "local applied = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')\n"                      \
    "local fresh = applied < tonumber(ARGV[2])\n"

static const char usage_script[] =
    CHECK_TYPES "local types = {'hash', 'hash', 'zset', 'string', 'string', 'zset', 'hash'}\n"
                "for i = 1, #KEYS do\n"
                "  local wrong = check(KEYS[i], types[i] or 'hash')\n"
                "  if wrong then return wrong end\n"
                "end\n" GUARD "local at = 10\n"
                "local function add_clients(key)\n"
                "  local last = at + tonumber(ARGV[at])\n"
                "  for i = at + 1, last, 500 do\n"
                "    redis.call('PFADD', key, unpack(ARGV, i, math.min(i + 499, last)))\n"
                "  end\n"
                "  if last > at then redis.call('EXPIRE', key, ARGV[4]) end\n"
                "  at = last + 1\n"
                "end\n"
                "local function add_legacy()\n"
                "  local last = at + 4 * tonumber(ARGV[at])\n"
                "  for i = at + 1, last, 4 do\n"
                "    local address, seen = ARGV[i], ARGV[i + 1]\n"
                "    local before = redis.call('ZSCORE', KEYS[6], address)\n"
                "    local old = before and redis.call('HGET', KEYS[7], address) or ''\n"
                "    local count, what = string.match(old, '^(%d+) (.*)$')\n"
                "    if not what or tonumber(seen) >= tonumber(before) then\n"
                "      what = ARGV[i + 3]\n"
                "    end\n"
                "    redis.call('ZADD', KEYS[6], 'GT', seen, address)\n"
                "    redis.call('HSET', KEYS[7], address, string.format('%d %s',\n"
                "      (tonumber(count) or 0) + tonumber(ARGV[i + 2]), what))\n"
                "  end\n"
                "  local many = redis.call('ZCARD', KEYS[6]) - tonumber(ARGV[9])\n"
                "  if many > 0 then\n"
                "    local gone = redis.call('ZPOPMIN', KEYS[6], many)\n"
                "    for i = 1, #gone, 2 do redis.call('HDEL', KEYS[7], gone[i]) end\n"
                "  end\n"
                "  if last > at then\n"
                "    redis.call('EXPIRE', KEYS[6], ARGV[4])\n"
                "    redis.call('EXPIRE', KEYS[7], ARGV[4])\n"
                "  end\n"
                "  at = last + 1\n"
                "end\n"
                "local function apply(key, operation, field, value)\n"
                "  if operation == '+' then\n"
                "    redis.call('HINCRBY', key, field, value)\n"
                "    return\n"
                "  end\n"
                "  local old = tonumber(redis.call('HGET', key, field) or '')\n"
                "  local new = tonumber(value)\n"
                "  if not old or (operation == '<' and new < old) or\n"
                "     (operation == '>' and new > old) then\n"
                "    redis.call('HSET', key, field, value)\n"
                "  end\n"
                "end\n"
                "if fresh then\n"
                "  add_clients(KEYS[4])\n"
                "  add_clients(KEYS[5])\n"
                "  add_legacy()\n"
                "  for k = 8, #KEYS do\n"
                "    local last = at + 3 * tonumber(ARGV[at])\n"
                "    for i = at + 1, last, 3 do\n"
                "      apply(KEYS[k], ARGV[i], ARGV[i + 1], ARGV[i + 2])\n"
                "      apply(KEYS[2], ARGV[i], ARGV[i + 1], ARGV[i + 2])\n"
                "    end\n"
                "    at = last + 1\n"
                "    redis.call('EXPIRE', KEYS[k], ARGV[3])\n"
                "  end\n"
                "  if ARGV[8] ~= '' then\n"
                "    redis.call('HSET', KEYS[2], 'application', ARGV[8])\n"
                "  end\n"
                "  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])\n"
                "  redis.call('ZADD', KEYS[3], ARGV[6], ARGV[5])\n"
                "  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -tonumber(ARGV[7]) - 1)\n"
                "  for k = 1, 3 do redis.call('EXPIRE', KEYS[k], ARGV[4]) end\n"
                "end\n"
                "local now = redis.call('HMGET', KEYS[2], 'handshakes', 'tls1.1', 'tls1.0',\n"
                "  'ssl3', 'ssl2', 'alerts')\n"
                "for i = 1, 6 do now[i] = tonumber(now[i] or '0') or 0 end\n"
                "return {fresh and 1 or 0, now[1], now[2] + now[3] + now[4] + now[5], now[6],\n"
                "  redis.call('PFCOUNT', KEYS[5])}\n";

static const char alert_script[] =
    CHECK_TYPES "local wrong = check(KEYS[1], 'stream') or check(KEYS[2], 'zset')\n"
                "if wrong then return wrong end\n"
                "if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end\n"
                "local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*',\n"
                "  unpack(ARGV, 4))\n"
                "redis.call('ZADD', KEYS[2], string.match(id, '^%d+'), ARGV[1])\n"
                "redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -tonumber(ARGV[3]) - 1)\n"
                "return 1\n";

static const char health_script[] =
    CHECK_TYPES "for i = 1, 3 do\n"
                "  local wrong = check(KEYS[i], 'hash')\n"
                "  if wrong then return wrong end\n"
                "end\n" GUARD "if not fresh then return 0 end\n"
                "if ARGV[4] ~= '1' or redis.call('HGET', KEYS[3], 'source_id') ~= ARGV[1] then\n"
                "  redis.call('DEL', KEYS[3])\n"
                "end\n"
                "local last = 5 + 2 * tonumber(ARGV[5])\n"
                "for i = 6, last, 2 do\n"
                "  redis.call('HINCRBY', KEYS[2], ARGV[i], ARGV[i + 1])\n"
                "  redis.call('HINCRBY', KEYS[3], ARGV[i], ARGV[i + 1])\n"
                "end\n"
                "for i = last + 1, #ARGV, 2 do\n"
                "  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])\n"
                "end\n"
                "local now = redis.call('TIME')\n"
                "redis.call('HSET', KEYS[3], 'source_id', ARGV[1], 'published',\n"
                "  string.format('%s%06d', now[1], now[2]))\n"
                "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])\n"
                "for k = 1, 3 do redis.call('EXPIRE', KEYS[k], ARGV[3]) end\n"
                "return 1\n";

const char *const redis_scripts[SCRIPT_COUNT] = {
    [SCRIPT_USAGE] = usage_script,
    [SCRIPT_ALERT] = alert_script,
    [SCRIPT_HEALTH] = health_script,
};
