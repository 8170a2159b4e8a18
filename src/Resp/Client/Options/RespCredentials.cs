namespace Sluice.Resp;

/// <summary>Who the client is. Immutable; its text never holds the password.</summary>
/// <param name="User">The name of an ACL user; null or empty: the server's default user.</param>
/// <param name="Password">The password, or the token that stands for one.</param>
public sealed record RespCredentials(string? User, string Password)
{
    /// <summary>The user's name as the server knows it.</summary>
    internal string EffectiveUser => string.IsNullOrEmpty(User) ? "default" : User;

    /// <summary>The user's name; asterisks in the password's place.</summary>
    public override string ToString() => $"{EffectiveUser}:***";
}
