# %% [markdown]
# # Collaborative filtering, built up from nothing
#
# The cells of chapter 8 of "Deep Learning for Coders with fastai and PyTorch" (Howard and Gugger, 2020), in its order
# and with its code; only the import lines became one. Where a notebook shows the last value of a cell, this script
# prints it. The ratings are those of MovieLens-100k: they are downloaded once, or taken from the folder that the
# environment variable PENCHANT_DATA names.

# %%
from penchant.collab import *  # noqa: F403 - what a notebook does

# ruff: noqa: B905, F405

# %% [markdown]
# ## The data

# %%
path = untar_data(URLs.ML_100k)
ratings = pd.read_csv(path / "u.data", delimiter="\t", header=None, names=["user", "movie", "rating", "timestamp"])
print(ratings.head())

# %% [markdown]
# If we knew how much science fiction, action and age a film has, and how much of each somebody likes, a product would
# say how well they match.

# %%
last_skywalker = np.array([0.98, 0.9, -0.9])
user1 = np.array([0.9, 0.8, -0.6])
print((user1 * last_skywalker).sum())

# %%
casablanca = np.array([-0.99, -0.3, 0.8])
print((user1 * casablanca).sum())

# %% [markdown]
# ## Data loaders

# %%
movies = pd.read_csv(
    path / "u.item", delimiter="|", encoding="latin-1", usecols=(0, 1), names=("movie", "title"), header=None
)
print(movies.head())

# %%
ratings = ratings.merge(movies)
print(ratings.head())

# %%
dls = CollabDataLoaders.from_df(ratings, item_name="title", bs=64)
dls.show_batch()

# %%
print(dls.classes)

# %% [markdown]
# Nobody tells us these numbers, so they start as chance, and are learned. Looking up a row is a product with a vector
# that is 1 in one place.

# %%
n_users = len(dls.classes["user"])
n_movies = len(dls.classes["title"])
n_factors = 5

user_factors = torch.randn(n_users, n_factors)
movie_factors = torch.randn(n_movies, n_factors)

# %%
one_hot_3 = one_hot(3, n_users).float()
print(user_factors.t() @ one_hot_3)

# %%
print(user_factors[3])


# %% [markdown]
# ## A dot product by hand


# %%
class DotProduct(Module):
    """Taste times film."""

    def __init__(self, n_users, n_movies, n_factors):
        self.user_factors = Embedding(n_users, n_factors)
        self.movie_factors = Embedding(n_movies, n_factors)

    def forward(self, x):
        """Predict a batch of (user, film)."""
        users = self.user_factors(x[:, 0])
        movies = self.movie_factors(x[:, 1])
        return (users * movies).sum(dim=1)


# %%
x, y = dls.one_batch()
print(x.shape)

# %%
model = DotProduct(n_users, n_movies, 50)
learn = Learner(dls, model, loss_func=MSELossFlat())
learn.fit_one_cycle(5, 5e-3)


# %% [markdown]
# Stars lie between 0 and 5, so let predictions lie there, too; a little beyond 5, for a sigmoid never gets to its end.


# %%
class DotProduct(Module):
    """Taste times film, in the range of stars."""

    def __init__(self, n_users, n_movies, n_factors, y_range=(0, 5.5)):
        self.user_factors = Embedding(n_users, n_factors)
        self.movie_factors = Embedding(n_movies, n_factors)
        self.y_range = y_range

    def forward(self, x):
        """Predict a batch of (user, film)."""
        users = self.user_factors(x[:, 0])
        movies = self.movie_factors(x[:, 1])
        return sigmoid_range((users * movies).sum(dim=1), *self.y_range)


# %%
model = DotProduct(n_users, n_movies, 50)
learn = Learner(dls, model, loss_func=MSELossFlat())
learn.fit_one_cycle(5, 5e-3)


# %% [markdown]
# Some people give more stars than others, and some films are simply good: a bias for each.


# %%
class DotProductBias(Module):
    """Taste times film, and a bias for both."""

    def __init__(self, n_users, n_movies, n_factors, y_range=(0, 5.5)):
        self.user_factors = Embedding(n_users, n_factors)
        self.user_bias = Embedding(n_users, 1)
        self.movie_factors = Embedding(n_movies, n_factors)
        self.movie_bias = Embedding(n_movies, 1)
        self.y_range = y_range

    def forward(self, x):
        """Predict a batch of (user, film)."""
        users = self.user_factors(x[:, 0])
        movies = self.movie_factors(x[:, 1])
        res = (users * movies).sum(dim=1, keepdim=True)
        res += self.user_bias(x[:, 0]) + self.movie_bias(x[:, 1])
        return sigmoid_range(res, *self.y_range)


# %%
model = DotProductBias(n_users, n_movies, 50)
learn = Learner(dls, model, loss_func=MSELossFlat())
learn.fit_one_cycle(5, 5e-3)

# %% [markdown]
# ## Weight decay
# It learns the training ratings by heart. Weights that are pulled towards zero can't.

# %%
x = np.linspace(-2, 2, 100)
a_s = [1, 2, 5, 10, 50]
ys = [a * x**2 for a in a_s]
_, ax = plt.subplots(figsize=(8, 6))
for a, y in zip(a_s, ys):
    ax.plot(x, y, label=f"a={a}")
ax.set_ylim([0, 5])
ax.legend()

# %%
model = DotProductBias(n_users, n_movies, 50)
learn = Learner(dls, model, loss_func=MSELossFlat())
learn.fit_one_cycle(5, 5e-3, wd=0.1)


# %% [markdown]
# ## An embedding of our own
# A module knows the parameters among its attributes, and those of the modules among them. A plain tensor is none.


# %%
class T(Module):
    """A tensor."""

    def __init__(self):
        self.a = torch.ones(3)


print(L(T().parameters()))


# %%
class T(Module):
    """A parameter."""

    def __init__(self):
        self.a = nn.Parameter(torch.ones(3))


print(L(T().parameters()))


# %%
class T(Module):
    """A layer."""

    def __init__(self):
        self.a = nn.Linear(1, 3, bias=False)


t = T()
print(L(t.parameters()))
print(type(t.a.weight))


# %%
def create_params(size):
    """A table whose values start near zero."""
    return nn.Parameter(torch.zeros(*size).normal_(0, 0.01))


# %%
class DotProductBias(Module):
    """The same model, without layers."""

    def __init__(self, n_users, n_movies, n_factors, y_range=(0, 5.5)):
        self.user_factors = create_params([n_users, n_factors])
        self.user_bias = create_params([n_users])
        self.movie_factors = create_params([n_movies, n_factors])
        self.movie_bias = create_params([n_movies])
        self.y_range = y_range

    def forward(self, x):
        """Predict a batch of (user, film)."""
        users = self.user_factors[x[:, 0]]
        movies = self.movie_factors[x[:, 1]]
        res = (users * movies).sum(dim=1)
        res += self.user_bias[x[:, 0]] + self.movie_bias[x[:, 1]]
        return sigmoid_range(res, *self.y_range)


# %%
model = DotProductBias(n_users, n_movies, 50)
learn = Learner(dls, model, loss_func=MSELossFlat())
learn.fit_one_cycle(5, 5e-3, wd=0.1)

# %% [markdown]
# ## What it has learned
# The films with the lowest bias, and those with the highest:

# %%
movie_bias = learn.model.movie_bias.squeeze()
idxs = movie_bias.argsort()[:5]
print([dls.classes["title"][i] for i in idxs])

# %%
idxs = movie_bias.argsort(descending=True)[:5]
print([dls.classes["title"][i] for i in idxs])

# %% [markdown]
# Fifty numbers of a film, seen from the side from which most of them can be seen:

# %%
g = ratings.groupby("title")["rating"].count()
top_movies = g.sort_values(ascending=False).index.values[:1000]
top_idxs = tensor([learn.dls.classes["title"].o2i[m] for m in top_movies])
movie_w = learn.model.movie_factors[top_idxs].cpu().detach()
movie_pca = movie_w.pca(3)
fac0, fac1, fac2 = movie_pca.t()
idxs = list(range(50))
X = fac0[idxs]
Y = fac2[idxs]
plt.figure(figsize=(12, 12))
plt.scatter(X, Y)
for i, x, y in zip(top_movies[idxs], X, Y):
    plt.text(x, y, i, color=np.random.rand(3) * 0.7, fontsize=11)
plt.show()
print(movie_pca.shape)

# %% [markdown]
# ## All of it in two lines

# %%
learn = collab_learner(dls, n_factors=50, y_range=(0, 5.5))
learn.fit_one_cycle(5, 5e-3, wd=0.1)

# %%
print(learn.model)

# %%
movie_bias = learn.model.i_bias.weight.squeeze()
idxs = movie_bias.argsort(descending=True)[:5]
print([dls.classes["title"][i] for i in idxs])

# %% [markdown]
# Films are alike whose numbers point the same way:

# %%
movie_factors = learn.model.i_weight.weight
idx = dls.classes["title"].o2i["Silence of the Lambs, The (1991)"]
distances = nn.CosineSimilarity(dim=1)(movie_factors, movie_factors[idx][None])
idx = distances.argsort(descending=True)[1]
print(dls.classes["title"][idx])

# %% [markdown]
# ## Layers instead of a product

# %%
embs = get_emb_sz(dls)
print(embs)


# %%
class CollabNN(Module):
    """Embeddings of both, side by side, through two layers."""

    def __init__(self, user_sz, item_sz, y_range=(0, 5.5), n_act=100):
        self.user_factors = Embedding(*user_sz)
        self.item_factors = Embedding(*item_sz)
        self.layers = nn.Sequential(nn.Linear(user_sz[1] + item_sz[1], n_act), nn.ReLU(), nn.Linear(n_act, 1))
        self.y_range = y_range

    def forward(self, x):
        """Predict a batch of (user, film)."""
        embs = self.user_factors(x[:, 0]), self.item_factors(x[:, 1])
        x = self.layers(torch.cat(embs, dim=1))
        return sigmoid_range(x, *self.y_range)


# %%
model = CollabNN(*embs)
learn = Learner(dls, model, loss_func=MSELossFlat())
learn.fit_one_cycle(5, 5e-3, wd=0.01)

# %%
learn = collab_learner(dls, use_nn=True, y_range=(0, 5.5), layers=[100, 50])
learn.fit_one_cycle(5, 5e-3, wd=0.1)
print(learn.model)
