namespace Sluice;

/// <summary>How a <see cref="Dogpile{TValue}"/> treats its value. Immutable.</summary>
public sealed record DogpileOptions
{
    /// <summary>How old the value may become before somebody creates it anew, 1 ms and more. Null (the default) = never too old.</summary>
    public TimeSpan? Expiry { get; init; }

    /// <summary>
    /// For how long a failed creation is remembered, so that callers without a value get its exception instead of trying again at once, 1 ms and more.
    /// Null (the default) = not at all.
    /// </summary>
    public TimeSpan? ErrorExpiry { get; init; }

    /// <summary>What errors call the resource. Default: <c>resource</c>.</summary>
    public string Name { get; init; } = "resource";

    /// <summary>The clock. Default: the system's, whose ages are exact to 10 ms.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal void Validate()
    {
        OptionsCheck check = new(nameof(DogpileOptions));
        check.Positive(nameof(Expiry), Expiry);
        check.Positive(nameof(ErrorExpiry), ErrorExpiry);
        if (string.IsNullOrEmpty(Name))
            check.Fail(nameof(Name), "empty", "must not be empty");
        if (TimeProvider is null)
            check.Fail(nameof(TimeProvider), "null", "must not be null");
        check.ThrowIfFailed();
    }
}
