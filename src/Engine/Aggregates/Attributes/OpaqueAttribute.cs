namespace Sluice;

/// <summary>
/// A state of the application's own type, merged by the application's own code: an <see cref="IOpaqueState{TSelf}"/>. Coordinators keep its deltas side
/// by side without looking into them; engines merge them. Use it for what no other field can say: the other fields cost less.
/// </summary>
/// <param name="version">
/// The version of the state's bytes and of its merge, 1 to 65535. It is part of the aggregate's fingerprint: raise it whenever engines with the code of
/// before could not go on with what engines with the new code write. Both then run side by side, each with sessions of its own.
/// </param>
/// <remarks>
/// The property's type must not be nullable: where nothing was contributed it shows <see cref="IOpaqueState{TSelf}.Empty"/>. One state may take at most
/// <see cref="MaxBytes"/> bytes, where it is contributed and where it has been merged.
/// </remarks>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class OpaqueAttribute(int version = 1) : Attribute
{
    /// <summary>The most bytes that one state may take, merged or not.</summary>
    public const int MaxBytes = 65536;

    /// <summary>The version of the state's bytes and of its merge.</summary>
    public int Version { get; } = version;
}
