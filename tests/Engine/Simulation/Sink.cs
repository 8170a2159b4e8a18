using Sluice.Coordination;

namespace Sluice.Tests.Simulation;

/// <summary>
/// Where completions go: two sinks at once, one that tells deliveries apart by their idempotency key and one that rejects tokens that are not higher than
/// the last one of the resource.
/// </summary>
internal sealed class Sink
{
    private readonly Dictionary<(int Resource, long Generation), byte[]> _byKey = [];
    private readonly Dictionary<(int Resource, long Generation), byte[]> _byToken = [];
    private readonly Dictionary<int, long> _tokens = [];

    public IReadOnlyDictionary<(int Resource, long Generation), byte[]> ByKey => _byKey;

    public IReadOnlyDictionary<(int Resource, long Generation), byte[]> ByToken => _byToken;

    public void Deliver(int resource, ClaimedSession session)
    {
        (int, long Generation) key = (resource, session.Generation);
        byte[] content = session.Fields.ToArray();
        if (_byKey.TryGetValue(key, out byte[]? before) && !content.AsSpan().SequenceEqual(before))
            throw new InvariantException("I4", $"generation {session.Generation} of resource {resource} was delivered with two contents");
        _byKey[key] = content;
        if (session.Token <= _tokens.GetValueOrDefault(resource))
            return;
        _tokens[resource] = session.Token;
        _byToken[key] = content;
    }
}
