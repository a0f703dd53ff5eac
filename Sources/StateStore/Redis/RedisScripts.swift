/// The operations that must be one, as the server runs them. Text goes in as arguments only, never into a script.
enum RedisScripts {
  /// KEYS link, identity's links; ARGV issuer, subject, claims, confirmed at, identifier, 1 if one may be made.
  static let claimLink = """
    local found = redis.call('HMGET', KEYS[1], 'issuer', 'subject', 'confirmed_at')
    if not found[1] then
      if ARGV[6] ~= '1' then return 'absent' end
      redis.call('HSET', KEYS[1], 'issuer', ARGV[1], 'subject', ARGV[2], 'claims', ARGV[3], 'confirmed_at', ARGV[4])
      redis.call('ZADD', KEYS[2], ARGV[4], ARGV[5])
      return 'created'
    end
    if found[1] ~= ARGV[1] or found[2] ~= ARGV[2] then return 'taken' end
    local confirmed = ARGV[4]
    if tonumber(found[3]) > tonumber(confirmed) then confirmed = found[3] end
    redis.call('HSET', KEYS[1], 'claims', ARGV[3], 'confirmed_at', confirmed)
    return 'confirmed'
    """

  /// KEYS link, tombstone.
  static let link = """
    local link = redis.call('HMGET', KEYS[1], 'issuer', 'subject', 'claims', 'confirmed_at')
    if link[1] then return link end
    return redis.call('EXISTS', KEYS[2])
    """

  /// Adds one revocation: `revoke(entries, expiries, channel, field, until, moment)`.
  private static let revokeFunction = """
    local function revoke(entries, expiries, channel, field, expiry, moment)
      local old = redis.call('HGET', entries, field)
      if old then
        local e, m = string.match(old, '^(-?%d+):(-?%d+)$')
        if tonumber(e) > tonumber(expiry) then expiry = e end
        if tonumber(m) > tonumber(moment) then moment = m end
      end
      local value = expiry .. ':' .. moment
      redis.call('HSET', entries, field, value)
      redis.call('ZADD', expiries, expiry, field)
      redis.call('PUBLISH', channel, value .. ':' .. field)
    end

    """

  /// KEYS link, tombstone, entries, expiries, prefix of identities' links; ARGV now, until, channel, identifier.
  static let removeLink = revokeFunction + """
    local link = redis.call('HMGET', KEYS[1], 'issuer', 'subject', 'claims', 'confirmed_at')
    if not link[1] then return false end
    local identity = string.len(link[1]) .. ':' .. link[1] .. link[2]
    redis.call('DEL', KEYS[1])
    redis.call('ZREM', KEYS[5] .. identity, ARGV[4])
    redis.call('HSET', KEYS[2], ARGV[1], identity)
    revoke(KEYS[3], KEYS[4], ARGV[3], 'i' .. identity, ARGV[2], ARGV[1])
    return link
    """

  /// KEYS use, session; ARGV seconds of the use, seconds of the session, then the session's fields and values.
  static let markUsed = """
    if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then return 0 end
    for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
    redis.call('EXPIRE', KEYS[2], ARGV[2])
    return 1
    """

  /// KEYS session, entries. Nothing where the session's identity was revoked after it began.
  static let session = """
    local session = redis.call('HMGET', KEYS[1],
      'issuer', 'subject', 'identifier', 'started_at', 'expires_at', 'family', 'current')
    if not session[1] then return false end
    local revoked = redis.call('HGET', KEYS[2], 'i' .. string.len(session[1]) .. ':' .. session[1] .. session[2])
    if revoked and tonumber(string.match(revoked, ':(-?%d+)$')) >= tonumber(session[4]) then return false end
    return session
    """

  /// KEYS session; ARGV current, next, now.
  static let rotateRefresh = """
    local found = redis.call('HMGET', KEYS[1], 'current', 'expires_at')
    if found[1] ~= ARGV[1] or tonumber(found[2]) < tonumber(ARGV[3]) then return 0 end
    redis.call('HSET', KEYS[1], 'current', ARGV[2])
    return 1
    """

  /// KEYS entries, expiries; ARGV now, channel, then for each: field, until, moment, key to delete or nothing.
  /// What has run out is forgotten on the way, so that it cannot pile up.
  static let revoke = revokeFunction + """
    for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1], 'LIMIT', 0, 1000)) do
      redis.call('HDEL', KEYS[1], field)
      redis.call('ZREM', KEYS[2], field)
    end
    for i = 3, #ARGV, 4 do
      revoke(KEYS[1], KEYS[2], ARGV[2], ARGV[i], ARGV[i + 1], ARGV[i + 2])
      if ARGV[i + 3] ~= '' then redis.call('DEL', ARGV[i + 3]) end
    end
    return 1
    """
}
