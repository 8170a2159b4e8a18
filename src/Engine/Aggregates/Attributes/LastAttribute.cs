namespace Sluice;

/// <summary>
/// The latest contribution by its timestamp, whatever order contributions arrive in: a <see cref="string"/>, <see cref="long"/>, <see cref="int"/>,
/// <see cref="double"/>, <see cref="DateTimeOffset"/>, <see cref="TimeSpan"/> or <see cref="Guid"/>. Declare the property nullable to tell "nothing
/// contributed" (<see langword="null"/>) from a contributed default; a string must be nullable.
/// </summary>
/// <remarks>
/// A contribution without a timestamp has the session clock's. Between equal timestamps the engine's number and its count of contributions decide, so
/// that every process keeps the same one. Strings as in a <see cref="WindowAttribute">[Window]</see>.
/// </remarks>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class LastAttribute : Attribute;
