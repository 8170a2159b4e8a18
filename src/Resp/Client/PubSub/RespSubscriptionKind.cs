namespace Sluice.Resp;

/// <summary>What the name of a subscription means to the server.</summary>
public enum RespSubscriptionKind
{
    /// <summary>One channel (<c>SUBSCRIBE</c>).</summary>
    Channel,

    /// <summary>All channels that match a glob pattern (<c>PSUBSCRIBE</c>).</summary>
    Pattern,

    /// <summary>One shard channel (<c>SSUBSCRIBE</c>): in a cluster, published only within the shard that its slot belongs to.</summary>
    Shard,
}
