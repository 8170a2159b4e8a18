namespace Sluice.Samples.UpdateCache;

/// <summary>
/// What is known of a user since the last write to the database. Declaring the fields is all: merging them needs no code, but for <see cref="Settings"/>,
/// which brings its own.
/// </summary>
[Aggregate("user-update")]
public partial class UserUpdate
{
    [Key]
    public partial string UserId { get; }

    [Sum]
    public partial long Views { get; }

    [Sum]
    public partial long Clicks { get; }

    [Max]
    public partial DateTimeOffset LastSeen { get; }

    [Window(5)]
    public partial WindowView<string> LastPages { get; }

    [Opaque]
    public partial Settings Settings { get; }
}
