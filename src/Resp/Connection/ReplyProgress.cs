namespace Sluice.Resp.Connection;

/// <summary>What a slot made of a reply.</summary>
internal enum ReplyProgress
{
    /// <summary>The command has its result, or its failure: it leaves the ring and its caller is told.</summary>
    Settled,

    /// <summary>Nobody waits for it any more: it leaves the ring.</summary>
    Drained,

    /// <summary>The command has more replies to come: it stays.</summary>
    More,

    /// <summary>The server refused this form of the command; the other goes out: it leaves the ring and comes again.</summary>
    Refused,
}
