namespace Sluice;

/// <summary>How a value becomes invalid.</summary>
public enum Invalidation
{
    /// <summary>As if it had expired: one creates the next, the others may go on with it for as long as their options say.</summary>
    Soft,

    /// <summary>Nobody gets it any more: who asks next waits for a new one.</summary>
    Hard,
}
