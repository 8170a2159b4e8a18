namespace Sluice.Tests.Running;

/// <summary>A second aggregate beside <see cref="Visit"/>, with keys that are not text.</summary>
[Aggregate("download")]
public partial class Download
{
    [Key]
    public partial long FileId { get; }

    [Sum]
    public partial long Bytes { get; }
}

/// <summary>The aggregate of a later release: same stored name, other fields.</summary>
public static partial class LaterRelease
{
    [Aggregate("visit")]
    public partial class Visit
    {
        [Key]
        public partial string VisitorId { get; }

        [Sum]
        public partial long Hits { get; }

        [Sum]
        public partial long Errors { get; }
    }
}
