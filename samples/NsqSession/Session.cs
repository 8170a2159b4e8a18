namespace Sluice.Samples.NsqSession;

/// <summary>A user's session: what the messages about one user amount to.</summary>
[Aggregate("session")]
public partial class Session
{
    [Key]
    public partial string UserId { get; }

    [Sum]
    public partial long Impressions { get; }

    [Sum]
    public partial long Clicks { get; }

    /// <summary>The newest messages in it. People ask for them, and here they show whether a message was counted, and how often.</summary>
    [Window(256)]
    public partial WindowView<long> LastMessages { get; }
}
